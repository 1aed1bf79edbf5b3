"""Honest intervals for a network that is too sure of itself.

Such a network's distribution is blurred: every bin's probability is spread over neighbouring ages
by a Gaussian whose width grows with the age. Its two numbers are fitted to held-out photos by
maximum likelihood and stand in the network's card. Blurring leaves the mean nearly where it was,
which temperature scaling of a spiky distribution would not.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

LAST_AGE_YEARS = 120


class AgeSpread(BaseModel):
    """The Gaussian's standard deviation at an age: base_years + per_year * age, in years."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_years: float = Field(gt=0)
    per_year: float = Field(ge=0)
    fitted_on: str


def blurred_ages() -> tuple[float, ...]:
    """The ages that a blurred distribution has bins for: 0-120 years, one a year."""
    return tuple(float(age) for age in range(LAST_AGE_YEARS + 1))


def blur(
    probabilities: NDArray[np.float32], ages: Sequence[float], base_years: float, per_year: float
) -> NDArray[np.float64]:
    """Spread each bin over the neighbouring ages.

    Args:
        probabilities: [N, K] float32, rows sum to 1.
        ages: [K] the age in years that each bin stands for.
        base_years: of AgeSpread.
        per_year: likewise.

    Returns:
        [N, 121] float64 over the ages 0-120; rows sum to 1.
    """
    centers = np.asarray(ages, dtype=np.float64)[:, None]
    widths = base_years + per_year * centers
    kernel = np.exp(-0.5 * ((np.asarray(blurred_ages()) - centers) / widths) ** 2)
    spread: NDArray[np.float64] = probabilities.astype(np.float64) @ (
        kernel / kernel.sum(axis=1, keepdims=True)
    )
    return np.asarray(spread / spread.sum(axis=1, keepdims=True), dtype=np.float64)
