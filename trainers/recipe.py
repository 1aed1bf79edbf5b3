"""The recipe of a training: all its settings, read from YAML and `key=value` overrides."""

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


def _require(condition: bool, message: str) -> None:  # noqa: FBT001
    if not condition:
        raise ValueError(message)


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkRecipe(_Section):
    """The network and its initial weights."""

    backbone: str
    heads: tuple[HeadSpec, ...]
    weights: str = Field(
        default="none",
        description="none (random), vggface2, imagenet, or the path of a file or of a checkpoint",
    )
    freeze_backbone: bool = Field(default=False, description="train only the heads")

    @model_validator(mode="after")
    def _known(self) -> "NetworkRecipe":
        _require(self.backbone in BACKBONES, f"backbone must be one of {', '.join(BACKBONES)}")
        for head in self.heads:
            _require(head.kind in HEADS, f"the kind of a head must be one of {', '.join(HEADS)}")
            _require(head.task != "gender" or head.outputs == 1, "a gender head must have 1 output")
        tasks = [head.task for head in self.heads]
        _require(tasks.count("age") == 1, "heads must contain one for age")
        _require(len(set(tasks)) == len(tasks), "heads must contain at most one for each task")
        _require(
            not (self.freeze_backbone and self.weights == "none"),
            "freeze_backbone needs weights, since a frozen backbone is not trained",
        )
        return self

    @property
    def age_outputs(self) -> int:
        """The number of outputs of the age head."""
        return next(head.outputs for head in self.heads if head.task == "age")

    def has(self, task: str) -> bool:
        """Whether the network has a head for a task."""
        return any(head.task == task for head in self.heads)


class LossRecipe(_Section):
    """The loss: the age loss plus the cross-entropies of the other heads."""

    age: str = "kl"
    sigma_years: float = Field(default=2.0, gt=0, description="of the label distribution")
    expectation_weight: float = Field(default=0.1, ge=0, description="in kl_l1, mean_variance")
    variance_weight: float = Field(default=0.05, ge=0, description="in mean_variance")
    age_weight: float = Field(default=1.0, ge=0)
    gender_weight: float = Field(default=1.0, ge=0)
    race_weight: float = Field(default=1.0, ge=0)
    balance: Literal["none", "weights", "oversample"] = Field(
        default="none", description="for rare ages: a larger weight, or drawing them more often"
    )

    @model_validator(mode="after")
    def _known(self) -> "LossRecipe":
        _require(self.age in LOSSES, f"age must be one of {', '.join(LOSSES)}")
        return self


class OptimizerRecipe(_Section):
    """The optimizer and the schedule of its learning rate."""

    name: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = Field(gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of sgd")
    schedule: Literal["constant", "cosine", "onecycle"] = "constant"
    warmup_epochs: float = Field(default=0.0, ge=0, description="from 0 to lr, before the schedule")
    clip_norm: float | None = Field(default=None, gt=0)
    accumulate: int = Field(default=1, gt=0, description="gradient accumulation: passes per batch")
    ema_decay: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="of the weights' moving average, which is then validated and saved",
    )


class InputRecipe(_Section):
    """The network's input."""

    augmentation: str = "standard"
    size_px: int | None = Field(
        default=None, gt=0, description="None: the default of the augmentation"
    )
    first_sizes: tuple[tuple[Annotated[float, Field(gt=0)], int], ...] = Field(
        default=(),
        description="(share of the epochs, side in pixels): smaller images at the beginning",
    )
    average_flip: bool = Field(
        default=False, description="average the predictions for the image and its mirror image"
    )

    @model_validator(mode="after")
    def _known(self) -> "InputRecipe":
        known = ", ".join(PRESETS)
        _require(self.augmentation in PRESETS, f"augmentation must be one of {known}")
        _require(
            sum(share for share, _ in self.first_sizes) < 1,
            "first_sizes must leave a part of the epochs for images of size_px",
        )
        return self

    @property
    def side_px(self) -> int:
        """The side in pixels of the served input."""
        return self.size_px or PRESETS[self.augmentation].size_px


class DataRecipe(_Section):
    """The prepared data sets; several are joined."""

    sources: Annotated[tuple[str, ...], BeforeValidator(_as_tuple)] = Field(
        min_length=1, description="directories or URIs of data sets from `faceage prepare`"
    )
    train: tuple[str, ...] = ("train",)
    val: tuple[str, ...] = ("val",)
    limit: int | None = Field(
        default=None, gt=0, description="use only the first images, for a quick run"
    )
    loaders: int = Field(
        default=0, ge=0, description="loader processes per worker; 0: the worker loads"
    )
    margin: float | None = Field(
        default=None,
        gt=-1,
        description="the margin of images that were prepared without detection (crop none)",
    )


class WorkersRecipe(_Section):
    """The workers and their resources."""

    count: int | tuple[int, int] = Field(
        default=1, description="[min, max]: elastic, as many as the cluster has"
    )
    gpu: bool = False
    cpus: int = Field(default=1, gt=0, description="per worker")
    labels: dict[str, str] = Field(
        default={}, description="of the nodes on which workers may run; {}: any"
    )
    max_failures: int = Field(
        default=3, ge=-1, description="how often lost workers are replaced; -1: always"
    )

    @model_validator(mode="after")
    def _ordered(self) -> "WorkersRecipe":
        _require(
            1 <= self.least <= self.most,
            f"count must be >= 1 and [min, max] in order, got {self.count}",
        )
        return self

    @property
    def least(self) -> int:
        """The minimum number of workers."""
        return self.count if isinstance(self.count, int) else self.count[0]

    @property
    def most(self) -> int:
        """The maximum number of workers."""
        return self.count if isinstance(self.count, int) else self.count[1]

    @property
    def resources(self) -> dict[str, float]:
        """The resources of each worker, by Ray's names."""
        return {"CPU": float(self.cpus)} | ({"GPU": 1.0} if self.gpu else {})


class Recipe(_Section):
    """All settings of one training."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    summary: str = ""
    network: NetworkRecipe
    loss: LossRecipe = LossRecipe()
    optimizer: OptimizerRecipe
    input: InputRecipe = InputRecipe()
    data: DataRecipe
    workers: WorkersRecipe = WorkersRecipe()
    batch_size: int = Field(gt=1, description="images per step, over all workers")
    epochs: int = Field(gt=0)
    patience: int | None = Field(
        default=None, gt=0, description="stop after this many epochs without a lower MAE"
    )
    precision: Precision = Field(
        default="fp32",
        description="the floating-point format; auto: bf16 if the device supports it, otherwise "
        "fp16 on GPUs and fp32 on CPUs",
    )
    channels_last: bool = True
    compile: bool = Field(default=False, description="torch.compile the network")
    seed: int = Field(default=0, ge=0)
    sample_faces: int = Field(
        default=8, ge=0, description="validation faces in TensorBoard; 0: no face is copied"
    )
    reference: dict[str, Any] = Field(
        default={}, description="results that the recipe's source reports; not measured"
    )

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        predicts_years = self.network.age_outputs == 1
        _require(
            not (predicts_years and self.loss.age in DISTRIBUTION_ONLY),
            f"loss.age {self.loss.age!r} needs an age head with several outputs",
        )
        _require(
            self.batch_size % self.optimizer.accumulate == 0,
            f"batch_size {self.batch_size} must be a multiple of optimizer.accumulate",
        )
        _require(
            self.batch_size // self.optimizer.accumulate // self.workers.most > 1,
            f"batch_size {self.batch_size} gives each of {self.workers.most} workers less than 2 "
            "images per pass",
        )
        _require(
            self.precision != "fp16" or self.workers.gpu,
            "precision fp16 needs workers.gpu; use auto on CPUs",
        )
        return self

    def side_at(self, epoch: int) -> int:
        """The side in pixels of the training images in an epoch, from 0."""
        end = 0.0
        for share, side in self.input.first_sizes:
            end += share * self.epochs
            if epoch + 1 <= end:
                return side
        return self.input.side_px


RECIPES = ConfigRegistry(kind="recipe", package="trainers", folder="recipes", field="recipe")


def load_recipe(config: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply overrides.

    Args:
        config: the path of a YAML file, or the name of a shipped recipe.
        overrides: such as "optimizer.lr=0.001"; values are YAML.

    Raises:
        InvalidArgument: the file cannot be read, or a key or value in it or in an override is
            invalid; the message names the key.
    """
    document = RECIPES.read(config)
    for override in overrides:
        set_key(document, *parse_override(override))
    return RECIPES.validate(Recipe, document)


def changed(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """A copy of the recipe with other values.

    Args:
        recipe: is not changed.
        values: by dotted key, such as {"optimizer.lr": 0.001}.

    Raises:
        InvalidArgument: a key is unknown, or its value is invalid.
    """
    document = recipe.model_dump(mode="json")
    for key, value in values.items():
        set_key(document, key, value)
    return RECIPES.validate(Recipe, document)
