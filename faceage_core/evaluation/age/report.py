"""The schema of the age report: all figures of one model on one split, and how to reproduce them.

Ages, errors and CRPS are in years; shares and probabilities are 0-1.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from faceage_core.cards.weights import Sha256


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Estimate(_Strict):
    """A figure with its 95 % bootstrap interval; None if there is only one person or image."""

    value: float
    low: float | None
    high: float | None


class Errors(_Strict):
    """The errors of the estimates in a group."""

    n: int
    subjects: int = Field(description="people; each image without identity counts as one")
    youngest_years: float
    oldest_years: float
    mae: Estimate
    rmse: float
    median: float = Field(description="median absolute error")
    cs3: float = Field(description="share of errors of 3 years or less")
    cs5: Estimate
    cs10: float
    bias: float = Field(description="mean of estimated minus true age")


class Breakdown(_Strict):
    """The errors by group; means over groups weight all groups alike."""

    groups: dict[str, Errors]
    mean_mae: float
    mean_cs5: float
    worst: str = Field(description="the group with the largest MAE among large enough groups")
    worst_among: str = Field(description="which groups were large enough, as text")


class AtLeast(_Strict):
    """P(age >= age_years), compared with the share of faces that are that old."""

    age_years: int
    n_at_least: int = Field(description="faces whose true age is at least that")
    share: float
    mean_probability: float
    calibration_error: float = Field(description="expected calibration error, ten equal ranges")


class Distribution(_Strict):
    """The calibration of the distribution over ages."""

    nll: float = Field(description="mean negative log density per year at the true age, nats")
    nll_floor: float = Field(description="the lower limit of a bin's probability")
    crps: float
    coverage: dict[str, float] = Field(
        description='share of true ages in the central interval, by its percentage: "50", ...'
    )
    at_least: tuple[AtLeast, ...]


class Rate(_Strict):
    """count of n; the rate is None if n is 0."""

    n: int
    count: int
    rate: float | None


class Gate(_Strict):
    """An age gate that challenges people whose estimated age is below the threshold.

    This is the Challenge-T of NIST IR 8525, "Face Analysis Technology Evaluation: Age Estimation
    and Verification", 2024.
    """

    threshold_years: int
    minors: Rate = Field(
        description="false positives: under 18, estimated at or above the threshold"
    )
    minors_by_age: dict[int, Rate] = Field(description="by the true age in whole years")
    adults: Rate = Field(description="false negatives: 18 or over, estimated below the threshold")


class GenderAccuracy(_Strict):
    """How often the estimated gender is the one that the data set states."""

    all: Rate
    by_stated: dict[str, Rate]


class ModelFacts(_Strict):
    """The evaluated model."""

    name: str
    version: str
    license: str
    architecture: str
    weights_sha256: tuple[Sha256, ...]
    crop_px: int


class DataFacts(_Strict):
    """The data of the evaluation."""

    name: str = Field(description="of the prepared data set")
    source: str
    license: str
    split: str
    split_hash: str
    identities: Literal["all", "some", "none"] = Field(description="images with an identity")
    stored_px: int = Field(description="side of the stored images")
    read: int = Field(description="images that the source lists, over all splits")
    set_aside: dict[str, int] = Field(description="number of rejected images by reason")

    @property
    def faces_not_found(self) -> int:
        """Images rejected because no face was found."""
        return self.set_aside.get("no_face", 0)


class Bootstrap(_Strict):
    """The parameters of the bootstrap intervals."""

    unit: Literal["subject", "picture"]
    resamples: int
    seed: int


class AgeReport(_Strict):
    """The age report."""

    schema_version: Literal[1] = 1
    tool_version: str
    command: str
    model: ModelFacts
    data: DataFacts
    bootstrap: Bootstrap
    overall: Errors
    by_decade: Breakdown
    by_gender: Breakdown | None = Field(description="None: the data set does not state it")
    by_race: Breakdown | None = Field(description="None: the data set does not state it")
    distribution: Distribution
    gates: tuple[Gate, ...]
    gender: GenderAccuracy | None = Field(
        description="None: the model does not estimate it, or the data set does not state it"
    )
