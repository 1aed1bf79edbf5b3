"""A search space: which keys of a recipe are varied, how, and how trials are chosen and stopped."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from faceage_core.errors import InvalidArgument
from trainers.config import ConfigRegistry
from trainers.recipe import Recipe, changed

Pair = tuple[float, float]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Parameter(_Part):
    """The values of one key: exactly one of these."""

    values: tuple[Any, ...] | None = Field(default=None, min_length=1)
    uniform: Pair | None = Field(default=None, description="from, to")
    log_uniform: Pair | None = Field(default=None, description="from, to; both above 0")
    around_best: tuple[float, ...] | None = Field(
        default=None, min_length=1, description="factors of the best value of the stage before"
    )

    @model_validator(mode="after")
    def _one(self) -> "Parameter":
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"state one of {', '.join(type(self).model_fields)}")
        for pair in (self.uniform, self.log_uniform):
            if pair is not None and not pair[0] < pair[1]:
                raise ValueError(f"the range {list(pair)} must go from the lower to the higher")
        if self.log_uniform is not None and self.log_uniform[0] <= 0:
            raise ValueError(f"a logarithmic range must lie above 0, got {list(self.log_uniform)}")
        return self

    def values_round(self, best: float) -> tuple[Any, ...]:
        """The values to choose from; those round the best to three digits."""
        if self.around_best is None:
            return self.values or ()
        return tuple(float(f"{best * factor:.3g}") for factor in self.around_best)

    def bounds(self) -> tuple[Any, ...]:
        """Values to try a recipe with before any trial does."""
        return self.values or self.uniform or self.log_uniform or ()


class Stage(_Part):
    """One search; the next one may look around its best."""

    search: Literal["grid", "random", "optuna"] = "random"
    trials: int | None = Field(default=None, gt=0, description="how many; None for a grid")
    epochs: int | None = Field(default=None, gt=0, description="of each trial; None: the recipe's")
    asha: bool = Field(default=False, description="stop the worse trials early")
    grace_epochs: int = Field(default=1, gt=0, description="that every trial gets, with asha")
    reduction: int = Field(default=3, gt=1, description="one of so many goes on, with asha")
    parameters: dict[str, Parameter] = Field(min_length=1)

    def fixed(self) -> dict[str, Any]:
        """What each of its trials changes in the recipe, whatever it varies."""
        return {} if self.epochs is None else {"epochs": self.epochs}

    def rungs(self, epochs: int) -> list[int]:
        """With asha, the epochs at which trials are compared; the last is the full budget."""
        rung, found = min(self.grace_epochs, epochs), []
        while rung < epochs:
            found.append(rung)
            rung *= self.reduction
        return [*found, epochs]

    @model_validator(mode="after")
    def _consistent(self) -> "Stage":
        grid = self.search == "grid"
        if grid and self.trials is not None:
            raise ValueError("a grid has as many trials as its values make; leave trials out")
        if not grid and self.trials is None:
            raise ValueError(f"search {self.search} needs a number of trials")
        for key, parameter in self.parameters.items():
            if grid and (parameter.uniform or parameter.log_uniform):
                raise ValueError(f"{key}: a grid needs values, not a range")
        return self


class Space(_Part):
    """A whole sweep."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    summary: str = ""
    seed: int = 0
    stages: tuple[Stage, ...] = Field(min_length=1)

    def check(self, recipe: Recipe) -> None:
        """Try the recipe with every bound, before any trial does.

        Raises:
            InvalidArgument: the recipe has no such key, or cannot take such a value.
        """
        for number, stage in enumerate(self.stages):
            for key, parameter in stage.parameters.items():
                if parameter.around_best is not None and not (
                    number and key in self.stages[number - 1].parameters
                ):
                    raise InvalidArgument(f"{key}: no stage before varies it", field=key)
                for value in parameter.bounds():
                    changed(recipe, stage.fixed() | {key: value})


SPACES = ConfigRegistry(kind="space", package="tune", folder="spaces")


def load_space(config: str | Path) -> Space:
    """Read a space.

    Args:
        config: the path of a YAML file, or the name of a space that comes with the project.

    Raises:
        InvalidArgument: the file cannot be read, or a key or value of it is impossible; the message
            names it.
    """
    return SPACES.validate(Space, SPACES.read(config))
