"""From the distribution that a network gives to the one that is served.

A temperature comes first where the card states one: the smaller, the nearer the mean lies to the
likeliest age, and the less a long tail draws it away; it is fitted to the absolute error.

Then come honest intervals for a network that is too sure of itself: its distribution is blurred,
every bin's probability spread over neighbouring ages by a Gaussian whose width grows with the age.
Its two numbers are fitted to held-out photos by maximum likelihood. Blurring leaves the mean where
it was, which widening a spiky distribution by a temperature would not. Near 0, where there is
nowhere to spread to on one side, the Gaussian's centre is moved for that; without it, babies would
be a year too old.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

LAST_AGE_YEARS = 120
_AGES = np.arange(LAST_AGE_YEARS + 1, dtype=np.float64)
_BISECTIONS = 26
_TOLERANCE_YEARS = 1e-9


class AgeSpread(BaseModel):
    """The Gaussian's standard deviation at an age, base_years + per_year * age, in years.

    Before it comes the temperature; at 1 the distribution stays as the network gives it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    temperature: float = Field(default=1.0, ge=0.1, le=10)
    base_years: float = Field(gt=0, le=1000)
    per_year: float = Field(ge=0, le=1000)
    fitted_on: str


def blurred_ages() -> tuple[float, ...]:
    """The ages that a blurred distribution has bins for: 0-120 years, one a year."""
    return tuple(_AGES.tolist())


def calibrated(
    probabilities: NDArray[np.floating[Any]], ages: Sequence[float], spread: AgeSpread
) -> NDArray[np.float64]:
    """From what the network gives, [N, K], to what is served, [N, 121] over `blurred_ages`."""
    rows = tempered(probabilities, spread.temperature)
    return blur(rows, ages, spread.base_years, spread.per_year)


def tempered(probabilities: NDArray[np.floating[Any]], temperature: float) -> NDArray[np.float64]:
    """[N, K] as if the logits behind each row had been divided by the temperature."""
    rows = probabilities.astype(np.float64) ** (1 / temperature)
    return np.asarray(rows / rows.sum(axis=1, keepdims=True), dtype=np.float64)


def blur(
    probabilities: NDArray[np.floating[Any]],
    ages: Sequence[float],
    base_years: float,
    per_year: float,
) -> NDArray[np.float64]:
    """Spread each bin over the neighbouring ages.

    Args:
        probabilities: [N, K], rows sum to 1.
        ages: [K] the age in years that each bin stands for.
        base_years: of AgeSpread.
        per_year: likewise.

    Returns:
        [N, 121] float64 over the ages 0-120; rows sum to 1.
    """
    spread: NDArray[np.float64] = probabilities.astype(np.float64) @ _kernel(
        tuple(ages), base_years, per_year
    )
    return np.asarray(spread / spread.sum(axis=1, keepdims=True), dtype=np.float64)


@lru_cache(maxsize=32)
def _kernel(ages: tuple[float, ...], base_years: float, per_year: float) -> NDArray[np.float64]:
    """[K, 121] where each bin's probability goes: Gaussians over whole ages whose mean is the bin.

    Where a Gaussian round the bin has another mean, as it does near the ends of the range, its
    centre is found by bisection. At the very end, where only a spike would have that mean, the
    centre stops at four standard deviations outside.
    """
    means = np.asarray(ages, dtype=np.float64)[:, None]
    widths = base_years + per_year * means
    rows = _gaussians(means, widths)
    off = (np.abs(rows @ _AGES[:, None] - means) > _TOLERANCE_YEARS)[:, 0]
    rows[off] = _gaussians(_centers(means[off], widths[off]), widths[off])
    return rows


def _centers(means: NDArray[np.float64], widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of Gaussians that have these means; all of them [K, 1]."""
    low, high = means - 4 * widths, means + 4 * widths
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        too_high = _gaussians(middle, widths) @ _AGES[:, None] > means
        low, high = np.where(too_high, low, middle), np.where(too_high, middle, high)
    return (low + high) / 2


def _gaussians(centers: NDArray[np.float64], widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """[K, 121] rows sum to 1."""
    exponents = -0.5 * ((_AGES - centers) / widths) ** 2
    weights = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    rows: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return rows
