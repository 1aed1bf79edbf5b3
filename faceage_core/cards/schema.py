"""Model cards: what a set of weights is, where it comes from, and how it must be used.

The card is the one place for a model's preprocessing, decision thresholds and provenance.
Training writes it, evaluation and serving read it; nothing else states these values again.
"""

from functools import cache
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
)

from faceage_core.age.calibration import AgeSpread
from faceage_core.detection.crops import CropSpec
from faceage_core.detection.settings import DetectionSettings
from faceage_core.errors import InvalidCheckpoint

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
MAX_AGE_YEARS = 200.0


def _ascending(bins: tuple[float, ...]) -> tuple[float, ...]:
    if any(later <= earlier for earlier, later in pairwise(bins)):
        raise ValueError("ages must ascend")
    return bins


AgeBins = Annotated[
    tuple[Annotated[float, Field(ge=0, le=MAX_AGE_YEARS)], ...],
    Field(min_length=1),
    AfterValidator(_ascending),
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PackageFile(_Strict):
    """A file that arrives inside a Python package."""

    kind: Literal["package"] = "package"
    package: str = Field(description="import name; the package is located, never imported")
    path: str = Field(description="inside the package")
    sha256: Sha256


class DownloadFile(_Strict):
    """A file that is fetched once into the cache, or given by its path."""

    kind: Literal["download"] = "download"
    url: Annotated[str, Field(pattern=r"^https?://")]
    sha256: Sha256
    size_bytes: int | None = None


class CheckpointFile(_Strict):
    """A file that lies beside its card."""

    kind: Literal["checkpoint"] = "checkpoint"
    path: str = "model.safetensors"
    sha256: Sha256


class InputSpec(_Strict):
    """From a crop, uint8 RGB, to the network's input: (pixel - mean) * scale, for each channel."""

    crop: CropSpec
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    average_flip: bool = Field(
        default=False, description="run the mirrored crop too and average both outputs"
    )


class OperatingPoint(_Strict):
    """A named decision threshold: similarities at or above it count as the same person."""

    name: str
    threshold: float = Field(ge=-1, le=1)
    measured_on: str | None = Field(
        default=None, description="data, protocol and n; None where the value was taken over"
    )
    false_match_rate: float | None = None
    true_match_rate: float | None = None
    note: str | None = None


class Measurement(_Strict):
    """One measured figure, with what it takes to read and repeat it."""

    metric: str
    value: float
    n: int
    data: str
    protocol: str
    command: str


class HeadSpec(_Strict):
    """One head on a backbone.

    With several outputs an age head gives the logits of a distribution over as many ages from 0 on;
    with one output it gives the age itself, in years. A gender head has one output, the logit of
    "male"; a race head has one logit a word.
    """

    task: Literal["age", "gender", "race"]
    kind: str = Field(default="linear", description="a name of the registry of heads")
    outputs: int = Field(gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)


class ModelCard(_Strict):
    """One model: a network, its weights and how to use them."""

    name: str
    version: str
    task: Literal["detection", "age", "gender", "identity"]
    summary: str
    architecture: str = Field(description="a backbone's name, or what else builds the network")
    heads: tuple[HeadSpec, ...] = Field(
        default=(), description="what stands on the backbone; none: it is the network itself"
    )
    weights: tuple[
        Annotated[PackageFile | DownloadFile | CheckpointFile, Field(discriminator="kind")], ...
    ]
    origin: str
    license: str = Field(description="SPDX identifier, or the words of the publisher")
    training_data: str | None = None
    detection: DetectionSettings | None = None
    input: InputSpec | None = None
    age_bins_years: AgeBins | None = None
    race_words: tuple[str, ...] = Field(default=(), description="what a race head's outputs mean")
    age_spread: AgeSpread | None = Field(
        default=None,
        description="from the network's distribution to the one that is served",
    )
    gender_bins: tuple[Literal["female", "male"], ...] | None = None
    operating_points: tuple[OperatingPoint, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    training: dict[str, JsonValue] | None = Field(
        default=None, description="how it was trained here: recipe, data, initial weights, figures"
    )
    limits: tuple[str, ...] = Field(default=(), description="where not to trust it, in plain words")

    def operating_point(self, name: str | None = None) -> OperatingPoint | None:
        """The operating point of that name, or the default, which is the first; None if absent."""
        points = (p for p in self.operating_points if name is None or p.name == name)
        return next(points, None)


def read_card(path: Path) -> ModelCard:
    """Read a card.

    Raises:
        InvalidCheckpoint: the file is missing, is not JSON, or a field is missing, unknown or
            impossible; the message names it.
    """
    try:
        return ModelCard.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InvalidCheckpoint(f"there is no {path.name} in {path.parent.name}") from None
    except OSError as error:
        raise InvalidCheckpoint(f"{path.name} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InvalidCheckpoint(f"{path.name}: {place}: {first['msg']}") from None


@cache
def shipped_card(name: str) -> ModelCard:
    """The card of that name that comes with this package."""
    with resources.as_file(
        resources.files("faceage_core") / "cards" / "shipped" / f"{name}.json"
    ) as path:
        return read_card(path)


def shipped_cards() -> list[ModelCard]:
    """Every card that comes with this package, by name."""
    files = (resources.files("faceage_core") / "cards" / "shipped").iterdir()
    names = sorted(file.name.removesuffix(".json") for file in files if file.name.endswith(".json"))
    return [shipped_card(name) for name in names]
