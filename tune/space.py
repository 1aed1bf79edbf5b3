"""A search space: the varied keys of a recipe, their values, and how trials are chosen."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from faceage_core.errors import InvalidArgument
from trainers.config import ConfigRegistry
from trainers.recipe import Recipe, changed

Range = tuple[float, float]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Parameter(_Model):
    """The values of one key, by exactly one of these fields."""

    values: tuple[Any, ...] | None = Field(default=None, min_length=1)
    uniform: Range | None = Field(default=None, description="from, to")
    log_uniform: Range | None = Field(default=None, description="from, to; both > 0")
    around_best: tuple[float, ...] | None = Field(
        default=None, min_length=1, description="factors of the best value of the stage before"
    )

    @model_validator(mode="after")
    def _check(self) -> "Parameter":
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"exactly one is required of {', '.join(type(self).model_fields)}")
        for limits in (self.uniform, self.log_uniform):
            if limits is not None and not limits[0] < limits[1]:
                raise ValueError(f"{given[0]} must be ascending, got {list(limits)}")
        if self.log_uniform is not None and self.log_uniform[0] <= 0:
            raise ValueError(f"log_uniform must be > 0, got {list(self.log_uniform)}")
        return self

    def candidates(self, best: float) -> tuple[Any, ...]:
        """Return the values to choose from; those around the best have three digits."""
        if self.around_best is None:
            return self.values or ()
        return tuple(float(f"{best * factor:.3g}") for factor in self.around_best)

    def values_to_check(self) -> tuple[Any, ...]:
        """Return all values that are known before the sweep, or the limits of the range."""
        return self.values or self.uniform or self.log_uniform or ()


class Stage(_Model):
    """One search; the next stage may search around its best values."""

    search: Literal["grid", "random", "optuna"] = "random"
    trials: int | None = Field(default=None, gt=0, description="number of trials; None for a grid")
    epochs: int | None = Field(default=None, gt=0, description="of each trial; None: the recipe's")
    asha: bool = Field(default=False, description="stop the worse trials early")
    grace_epochs: int = Field(default=1, gt=0, description="minimum of each trial, with asha")
    reduction: int = Field(default=3, gt=1, description="one of so many continues, with asha")
    parameters: dict[str, Parameter] = Field(min_length=1)

    def fixed_values(self) -> dict[str, Any]:
        """Return the keys of the recipe that have another value in all trials of the stage."""
        return {} if self.epochs is None else {"epochs": self.epochs}

    def rungs(self, epochs: int) -> list[int]:
        """Return the epochs at which ASHA compares trials; the last is the full budget."""
        rung, found = min(self.grace_epochs, epochs), []
        while rung < epochs:
            found.append(rung)
            rung *= self.reduction
        return [*found, epochs]

    @model_validator(mode="after")
    def _check(self) -> "Stage":
        grid = self.search == "grid"
        if grid and self.trials is not None:
            raise ValueError("trials must be left out for a grid, which tries all combinations")
        if not grid and self.trials is None:
            raise ValueError(f"trials is required for search {self.search}")
        for key, parameter in self.parameters.items():
            if grid and (parameter.uniform or parameter.log_uniform):
                raise ValueError(f"{key}: a grid needs values, not a range")
        return self


class Space(_Model):
    """The search space of a whole sweep."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    summary: str = ""
    seed: int = 0
    stages: tuple[Stage, ...] = Field(min_length=1)

    def check(self, recipe: Recipe) -> None:
        """Check that the recipe accepts all values of the space, before any trial runs.

        Raises:
            InvalidArgument: the recipe does not have such a key or does not accept such a value,
                or `around_best` has no number to start from.
        """
        before: dict[str, Parameter] = {}
        for stage in self.stages:
            for key, parameter in stage.parameters.items():
                if parameter.around_best is not None:
                    _check_around_best(key, before)
                for value in parameter.values_to_check():
                    changed(recipe, stage.fixed_values() | {key: value})
            before = stage.parameters


def _check_around_best(key: str, before: dict[str, Parameter]) -> None:
    if key not in before:
        raise InvalidArgument(
            f"{key}: around_best requires that the stage before varies this key", field=key
        )
    for value in before[key].values_to_check():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidArgument(
                f"{key}: around_best requires numbers, and the stage before has {value!r}",
                field=key,
            )


SPACES = ConfigRegistry(kind="space", package="tune", folder="spaces")


def load_space(config: str | Path) -> Space:
    """Read a space.

    Args:
        config: path of a YAML file, or name of a shipped space.

    Raises:
        InvalidArgument: the file cannot be read, or has an invalid key or value; the message names
            it.
    """
    return SPACES.validate(Space, SPACES.read(config))
