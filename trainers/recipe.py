"""A recipe: everything that decides a training, as read from YAML and `key=value`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from faceage_core.cards.model_card import HeadSpec
from faceage_core.data.training.augmentation import PRESETS
from faceage_core.models.backbones import BACKBONES
from faceage_core.models.heads import HEADS
from trainers.config import ConfigRegistry, parse_override, set_key
from trainers.losses import DISTRIBUTION_ONLY, LOSSES
from trainers.precision import Precision

Rate = Annotated[float, Field(ge=0)]


def _require(condition: bool, message: str) -> None:  # noqa: FBT001
    if not condition:
        raise ValueError(message)


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkRecipe(_Part):
    """The network and what its weights start from."""

    backbone: str
    heads: tuple[HeadSpec, ...]
    weights: str = Field(
        default="none",
        description="none (random), vggface2, imagenet, or the path of a file or of a checkpoint",
    )
    freeze_backbone: bool = Field(default=False, description="train the heads alone")

    @model_validator(mode="after")
    def _known(self) -> "NetworkRecipe":
        _require(self.backbone in BACKBONES, f"backbone must be one of {', '.join(BACKBONES)}")
        for head in self.heads:
            _require(head.kind in HEADS, f"a head's kind must be one of {', '.join(HEADS)}")
            _require(head.task != "gender" or head.outputs == 1, "a gender head has 1 output")
        tasks = [head.task for head in self.heads]
        _require(tasks.count("age") == 1, "heads must hold one for age")
        _require(len(set(tasks)) == len(tasks), "heads must hold at most one for each task")
        _require(
            not (self.freeze_backbone and self.weights == "none"),
            "freeze_backbone needs weights: random ones would stay random",
        )
        return self

    @property
    def age_outputs(self) -> int:
        """Of the age head."""
        return next(head.outputs for head in self.heads if head.task == "age")

    def has(self, task: str) -> bool:
        """Whether there is a head for it."""
        return any(head.task == task for head in self.heads)


class LossRecipe(_Part):
    """What is minimised: the age loss plus the other heads' cross-entropies."""

    age: str = "kl"
    sigma_years: float = Field(default=2.0, gt=0, description="of the label distribution")
    expectation_weight: float = Field(default=0.1, ge=0, description="in kl_l1, mean_variance")
    variance_weight: float = Field(default=0.05, ge=0, description="in mean_variance")
    age_weight: float = Field(default=1.0, ge=0)
    gender_weight: float = Field(default=1.0, ge=0)
    race_weight: float = Field(default=1.0, ge=0)
    balance: Literal["none", "weights", "oversample"] = Field(
        default="none", description="what is done about rare ages: weigh or draw them more"
    )

    @model_validator(mode="after")
    def _known(self) -> "LossRecipe":
        _require(self.age in LOSSES, f"age must be one of {', '.join(LOSSES)}")
        return self


class OptimizerRecipe(_Part):
    """The optimizer and its learning rate over time."""

    name: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = Field(gt=0)
    weight_decay: Rate = 0.0
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of sgd")
    schedule: Literal["constant", "cosine", "onecycle"] = "constant"
    warmup_epochs: float = Field(default=0.0, ge=0, description="from 0 to lr, before the schedule")
    clip_norm: float | None = Field(default=None, gt=0)
    accumulate: int = Field(default=1, gt=0, description="parts in which a batch is worked on")
    ema_decay: float | None = Field(
        default=None, gt=0, lt=1, description="average the weights over steps, and judge those"
    )


class InputRecipe(_Part):
    """What the network sees."""

    augmentation: str = "mission"
    size_px: int | None = Field(default=None, gt=0, description="None: the augmentation's own")
    first_sizes: tuple[tuple[Annotated[float, Field(gt=0)], int], ...] = Field(
        default=(),
        description="(share of the epochs, side in pixels): smaller pictures to begin with",
    )
    average_flip: bool = Field(default=False, description="average over the mirrored face too")

    @model_validator(mode="after")
    def _known(self) -> "InputRecipe":
        known = ", ".join(PRESETS)
        _require(self.augmentation in PRESETS, f"augmentation must be one of {known}")
        _require(
            sum(share for share, _ in self.first_sizes) < 1,
            "first_sizes must leave a part of the epochs to pictures of size_px",
        )
        return self

    @property
    def side_px(self) -> int:
        """The side of what is served in the end."""
        return self.size_px or PRESETS[self.augmentation].size_px


class DataRecipe(_Part):
    """The prepared data sets; several are mixed."""

    sources: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        min_length=1, description="directories or addresses of what `faceage prepare` made"
    )
    train: tuple[str, ...] = ("train",)
    val: tuple[str, ...] = ("val",)
    limit: int | None = Field(default=None, gt=0, description="only so many, for a trial")
    loaders: int = Field(
        default=0, ge=0, description="processes that load, for each worker; 0: the worker itself"
    )
    margin: float | None = Field(
        default=None,
        gt=-1,
        description="for pictures prepared with --crop none: the margin that they agree with",
    )


class WorkersRecipe(_Part):
    """Who trains."""

    count: int | tuple[int, int] = Field(
        default=1, description="workers; [min, max]: as many as the cluster has"
    )
    gpu: bool = False
    cpus: int = Field(default=1, gt=0, description="for each worker")
    labels: dict[str, str] = Field(
        default={}, description="of the nodes that they may run on; {}: any"
    )
    max_failures: int = Field(default=3, ge=-1, description="lost workers are replaced so often")

    @model_validator(mode="after")
    def _ordered(self) -> "WorkersRecipe":
        _require(1 <= self.least <= self.most, f"count must be >= 1 and in order, got {self.count}")
        return self

    @property
    def least(self) -> int:
        """How many workers there are at least."""
        return self.count if isinstance(self.count, int) else self.count[0]

    @property
    def most(self) -> int:
        """How many there are at most."""
        return self.count if isinstance(self.count, int) else self.count[1]

    @property
    def resources(self) -> dict[str, float]:
        """What each of them takes, in Ray's words."""
        return {"CPU": float(self.cpus)} | ({"GPU": 1.0} if self.gpu else {})


class Recipe(_Part):
    """One training."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    summary: str = ""
    network: NetworkRecipe
    loss: LossRecipe = LossRecipe()
    optimizer: OptimizerRecipe
    input: InputRecipe = InputRecipe()
    data: DataRecipe
    workers: WorkersRecipe = WorkersRecipe()
    batch_size: int = Field(gt=1, description="pictures a step, over all workers")
    epochs: int = Field(gt=0)
    patience: int | None = Field(
        default=None, gt=0, description="stop after so many epochs without a better MAE"
    )
    precision: Precision = Field(
        default="fp32",
        description="of the network's arithmetic; auto: bf16 where the device has it, otherwise "
        "fp16 on GPUs and fp32 on processors",
    )
    channels_last: bool = True
    compile: bool = Field(default=False, description="torch.compile the network")
    seed: int = Field(default=0, ge=0)
    sample_faces: int = Field(
        default=8, ge=0, description="validation faces shown in TensorBoard; 0: none leave the data"
    )
    reference: dict[str, Any] = Field(
        default={}, description="what the recipe's source reports; not measured here"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        one = self.network.age_outputs == 1
        _require(
            not (one and self.loss.age in DISTRIBUTION_ONLY),
            f"loss.age {self.loss.age!r} needs an age head of several outputs",
        )
        _require(
            self.batch_size % self.optimizer.accumulate == 0,
            f"batch_size {self.batch_size} must be a multiple of optimizer.accumulate",
        )
        _require(
            self.batch_size // self.optimizer.accumulate // self.workers.most > 1,
            f"batch_size {self.batch_size} leaves less than 2 pictures at once to each of "
            f"{self.workers.most} workers",
        )
        _require(
            self.precision != "fp16" or self.workers.gpu,
            "precision fp16 needs workers.gpu; auto is what a processor is best at",
        )
        return self

    def side_at(self, epoch: int) -> int:
        """The side in pixels of the training pictures at an epoch, from 0; the last is whole."""
        end = 0.0
        for share, side in self.input.first_sizes:
            end += share * self.epochs
            if epoch + 1 <= end:
                return side
        return self.input.side_px


RECIPES = ConfigRegistry(kind="recipe", package="trainers", folder="recipes")


def load_recipe(config: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and change it.

    Args:
        config: the path of a YAML file, or the name of a recipe that comes with the project.
        overrides: such as "optimizer.lr=0.001"; values are YAML.

    Raises:
        InvalidArgument: the file cannot be read, or a key or value of it or of an override is
            impossible; the message names it.
    """
    document = RECIPES.read(config)
    for override in overrides:
        set_key(document, *parse_override(override))
    return RECIPES.validate(Recipe, document)


def changed(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """The recipe with other values.

    Args:
        recipe: stays as it is.
        values: by dotted key, such as {"optimizer.lr": 0.001}.

    Raises:
        InvalidArgument: there is no such key, or its value is impossible.
    """
    document = recipe.model_dump(mode="json")
    for key, value in values.items():
        set_key(document, key, value)
    return RECIPES.validate(Recipe, document)
