"""The age report: every figure of one model on one split, with what it takes to read and repeat it.

Ages, errors and scores of distributions are in years; shares and probabilities are 0-1.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from faceage_core.cards.weights import Sha256


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Estimate(_Strict):
    """A figure with its 95 % bootstrap interval; None where one person or picture is all."""

    value: float
    low: float | None
    high: float | None


class Errors(_Strict):
    """How far a group's estimates are off."""

    n: int
    subjects: int = Field(description="people; pictures of nobody named count as one person each")
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
    """The errors group by group; means over groups weigh every group alike."""

    groups: dict[str, Errors]
    mean_mae: float
    mean_cs5: float
    worst: str = Field(description="the group of the greatest MAE among those large enough")
    worst_among: str = Field(description="which groups were large enough, in words")


class AtLeast(_Strict):
    """P(age >= age_years), compared to how often it is so."""

    age_years: int
    n_at_least: int = Field(description="faces whose true age is at least that")
    share: float
    mean_probability: float
    calibration_error: float = Field(description="expected calibration error, ten equal ranges")


class Distribution(_Strict):
    """How honest the distribution over ages is."""

    nll: float = Field(description="mean negative log density per year at the true age, nats")
    nll_floor: float = Field(description="the least probability that a bin is taken to have")
    crps: float
    coverage: dict[str, float] = Field(
        description='share of true ages inside the central interval of so many percent: "50", ...'
    )
    at_least: tuple[AtLeast, ...]


class Rate(_Strict):
    """So many of n; the rate is None if n is 0."""

    n: int
    count: int
    rate: float | None


class Gate(_Strict):
    """An age gate that challenges whoever's estimated age is below the threshold.

    This is the Challenge-T of NIST IR 8525, "Face Analysis Technology Evaluation: Age Estimation
    and Verification", 2024.
    """

    threshold_years: int
    minors: Rate = Field(description="false positives: under 18, but estimated at the threshold+")
    minors_by_age: dict[int, Rate] = Field(description="by the true age in whole years")
    adults: Rate = Field(description="false negatives: 18 or over, but estimated below it")


class GenderAccuracy(_Strict):
    """How often the gender read off the face is the one that the data set states."""

    all: Rate
    by_stated: dict[str, Rate]


class ModelFacts(_Strict):
    """Who was measured."""

    name: str
    version: str
    license: str
    architecture: str
    weights_sha256: tuple[Sha256, ...]
    crop_px: int


class DataFacts(_Strict):
    """What it was measured on."""

    name: str = Field(description="of the prepared data set")
    source: str
    license: str
    split: str
    split_hash: str
    identities: Literal["all", "some", "none"] = Field(description="pictures that name who it is")
    stored_px: int = Field(description="side of the stored pictures")
    read: int = Field(description="pictures that the source lists, over all splits")
    set_aside: dict[str, int] = Field(description="of those, not used: how many, by reason")

    @property
    def faces_not_found(self) -> int:
        """Pictures set aside because no face was found in them."""
        return self.set_aside.get("no_face", 0)


class Bootstrap(_Strict):
    """How the intervals were made."""

    unit: Literal["subject", "picture"]
    resamples: int
    seed: int


class AgeReport(_Strict):
    """The whole report."""

    schema_version: Literal[1] = 1
    tool_version: str
    command: str
    model: ModelFacts
    data: DataFacts
    bootstrap: Bootstrap
    overall: Errors
    by_decade: Breakdown
    by_gender: Breakdown | None = Field(description="None: the data set does not state it")
    by_race: Breakdown | None = Field(description="likewise")
    distribution: Distribution
    gates: tuple[Gate, ...]
    gender: GenderAccuracy | None = Field(
        description="None: the model does not estimate it, or the data set does not state it"
    )
