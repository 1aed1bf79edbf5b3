"""Calibration of an age distribution, from the network's output to the served distribution.

First a temperature, if the card states one. The smaller it is, the closer the mean is to the mode
and the less a long tail shifts it. It is fitted to the absolute error.

Then a blur, which corrects the intervals of an overconfident network: the probability of each bin
is spread over neighbouring ages by a Gaussian whose width grows with the age. Its two parameters
are fitted to held-out photos by maximum likelihood. The blur keeps the mean; widening a spiky
distribution by a temperature would not. Near 0 the probability can spread to one side only, so the
Gaussian's center is shifted to keep the mean; otherwise babies would be a year too old.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceage_core.cards.age_spread import AgeSpread

LAST_AGE_YEARS = 120
_AGES = np.arange(LAST_AGE_YEARS + 1, dtype=np.float64)
_BISECTIONS = 26
_TOLERANCE_YEARS = 1e-9


def blurred_ages() -> tuple[float, ...]:
    """The ages of a blurred distribution's bins: 0-120 years in steps of one year."""
    return tuple(_AGES.tolist())


def calibrated(
    probabilities: NDArray[np.floating[Any]], ages: Sequence[float], spread: AgeSpread
) -> NDArray[np.float64]:
    """From the network's distribution [N, K] to the served one, [N, 121] over `blurred_ages`."""
    rows = tempered(probabilities, spread.temperature)
    return blur(rows, ages, spread.base_years, spread.per_year)


def tempered(probabilities: NDArray[np.floating[Any]], temperature: float) -> NDArray[np.float64]:
    """[N, K]: the softmax of each row's logits divided by the temperature."""
    rows = probabilities.astype(np.float64) ** (1 / temperature)
    return np.asarray(rows / rows.sum(axis=1, keepdims=True), dtype=np.float64)


def blur(
    probabilities: NDArray[np.floating[Any]],
    ages: Sequence[float],
    base_years: float,
    per_year: float,
) -> NDArray[np.float64]:
    """Spread the probability of each bin over the neighbouring ages.

    Args:
        probabilities: [N, K], rows sum to 1.
        ages: [K] the age in years that each bin stands for.
        base_years: as in AgeSpread.
        per_year: as in AgeSpread.

    Returns:
        [N, 121] float64 over the ages 0-120; rows sum to 1.
    """
    spread: NDArray[np.float64] = probabilities.astype(np.float64) @ _kernel(
        tuple(ages), base_years, per_year
    )
    return np.asarray(spread / spread.sum(axis=1, keepdims=True), dtype=np.float64)


@lru_cache(maxsize=32)
def _kernel(ages: tuple[float, ...], base_years: float, per_year: float) -> NDArray[np.float64]:
    """[K, 121]: for each bin a Gaussian over the ages 0-120 whose mean is the bin's age.

    Near the ends of the range, a Gaussian centered on the bin has another mean, so its center is
    found by bisection. At the very end, where only a spike would have that mean, the center stops
    four standard deviations outside the range.
    """
    means = np.asarray(ages, dtype=np.float64)[:, None]
    widths = base_years + per_year * means
    rows = _gaussians(means, widths)
    shifted = (np.abs(rows @ _AGES[:, None] - means) > _TOLERANCE_YEARS)[:, 0]
    rows[shifted] = _gaussians(_centers(means[shifted], widths[shifted]), widths[shifted])
    return rows


def _centers(means: NDArray[np.float64], widths: NDArray[np.float64]) -> NDArray[np.float64]:
    """The centers of the Gaussians with these means; all arrays are [K, 1]."""
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
