"""Model cards: what a model is, where its weights come from, and how to use it.

The card is the only place for a model's preprocessing, decision thresholds and provenance.
Training writes it; evaluation and serving read it. There is one card class for each task;
`ModelCard` is their union, discriminated by the field `task`.
"""

from itertools import pairwise
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, AliasChoices, Field, JsonValue, model_validator

from faceage_core.cards.age_spread import AgeSpread
from faceage_core.cards.base import StrictModel
from faceage_core.cards.input import InputSpec
from faceage_core.cards.weights import CheckpointFile, OriginalFile, WeightsFile
from faceage_core.types import Gender

MAX_AGE_YEARS = 200.0

# Cards of earlier versions, which had one class for all tasks, contain all of these fields.
_FIELDS_OF_SOME_TASKS = {
    "heads",
    "detection",
    "input",
    "age_bins_years",
    "race_words",
    "age_spread",
    "gender_bins",
    "operating_points",
}


def _check_ascending(bins: tuple[float, ...]) -> tuple[float, ...]:
    if any(later <= earlier for earlier, later in pairwise(bins)):
        raise ValueError("ages must ascend")
    return bins


AgeBins = Annotated[
    tuple[Annotated[float, Field(ge=0, le=MAX_AGE_YEARS)], ...],
    Field(min_length=1),
    AfterValidator(_check_ascending),
]
GenderBins = Annotated[tuple[Gender, ...], Field(min_length=1)]


class OperatingPoint(StrictModel):
    """A named decision threshold: similarities at or above it count as the same person."""

    name: str
    threshold: float = Field(ge=-1, le=1)
    measured_on: str | None = Field(
        default=None, description="data, protocol and n; None if the value was not measured here"
    )
    false_match_rate: float | None = None
    true_match_rate: float | None = None
    note: str | None = None


class Measurement(StrictModel):
    """One measured figure, with what is needed to interpret and repeat it."""

    metric: str
    value: float
    n: int
    data: str
    protocol: str
    command: str


class HeadSpec(StrictModel):
    """One head on a backbone.

    An age head with several outputs gives the logits of a distribution over the ages 0, 1, 2, ...;
    with one output it gives the age itself, in years. A gender head has one output, the logit of
    "male"; a race head has one logit for each word.
    """

    task: Literal["age", "gender", "race"]
    kind: str = Field(default="linear", description="a name in the registry of heads")
    outputs: int = Field(gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class BaseCard(StrictModel):
    """The fields that the cards of all tasks have in common."""

    name: str
    version: str
    task: str
    summary: str
    architecture: str = Field(description="a name in the registry for the card's task")
    weights: tuple[WeightsFile, ...]
    originals: tuple[OriginalFile, ...] = Field(
        default=(),
        description="what each weights file was made from; empty: the weights are as published",
    )
    origin: str
    license: str = Field(description="SPDX identifier, or the publisher's wording")
    precision: Literal["auto", "fp32"] = Field(
        default="fp32",
        description="auto: the network keeps its accuracy in bf16, which was measured",
    )
    training_data: str | None = None
    measurements: tuple[Measurement, ...] = ()
    training: dict[str, JsonValue] | None = Field(
        default=None, description="how it was trained: recipe, data, initial weights, figures"
    )
    limits: tuple[str, ...] = Field(default=(), description="known weaknesses")

    @model_validator(mode="before")
    @classmethod
    def _drop_empty_fields_of_other_tasks(cls, values: Any) -> Any:
        """Cards of earlier versions contain fields of other tasks, as null or empty lists."""
        if not isinstance(values, dict):
            return values
        foreign = _FIELDS_OF_SOME_TASKS - cls.model_fields.keys()
        return {k: v for k, v in values.items() if k not in foreign or v not in (None, [], ())}


class DetectorCard(BaseCard):
    """A face detector. Its settings are validated by the detector that loads them."""

    task: Literal["detection"] = "detection"
    settings: dict[str, JsonValue] = Field(
        default={}, validation_alias=AliasChoices("settings", "detection")
    )


class NetworkCard(BaseCard):
    """A network that runs on crops of faces."""

    input: InputSpec
    onnx: CheckpointFile | None = Field(
        default=None, description="the network as an ONNX file, which is served without PyTorch"
    )

    @property
    def output_columns(self) -> int | None:
        """The number of columns that the network must return; None: any."""
        return None

    def for_serving(self) -> Self:
        """The card of the ONNX file if there is one, otherwise this card."""
        if self.onnx is None:
            return self
        return self.model_copy(update={"architecture": "onnx", "weights": (self.onnx,)})


class AgeCard(NetworkCard):
    """An age model; it estimates gender too if `gender_bins` is set."""

    task: Literal["age"] = "age"
    heads: tuple[HeadSpec, ...] = Field(
        default=(), description="on the backbone; empty: the architecture is the whole network"
    )
    age_bins_years: AgeBins
    age_spread: AgeSpread | None = Field(
        default=None, description="calibration of the network's age distribution"
    )
    gender_bins: GenderBins | None = None
    race_words: tuple[str, ...] = Field(default=(), description="meaning of a race head's outputs")

    @property
    def output_columns(self) -> int:
        """One column for each age bin, then one for each gender bin."""
        return len(self.age_bins_years) + len(self.gender_bins or ())


class GenderCard(NetworkCard):
    """A gender model."""

    task: Literal["gender"] = "gender"
    gender_bins: GenderBins

    @property
    def output_columns(self) -> int:
        """One column for each gender bin."""
        return len(self.gender_bins)


class IdentityCard(NetworkCard):
    """A model that embeds faces for comparison."""

    task: Literal["identity"] = "identity"
    operating_points: tuple[OperatingPoint, ...] = ()

    def operating_point(self, name: str | None = None) -> OperatingPoint | None:
        """The operating point of that name, or the default, which is the first; None if absent."""
        points = (p for p in self.operating_points if name is None or p.name == name)
        return next(points, None)


ModelCard = Annotated[
    DetectorCard | AgeCard | GenderCard | IdentityCard, Field(discriminator="task")
]
CardT = TypeVar("CardT", bound=BaseCard)
NetworkCardT = TypeVar("NetworkCardT", bound=NetworkCard)
