"""Fitting the parameters of `faceage_core.age.calibration` to images with known ages."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceage_core.age.calibration import LAST_AGE_YEARS, blur, tempered

_LOG_SPREADS = (-7.0, 4.0)  # of both parameters: from almost no blur to one over all ages
_LOG_TEMPERATURES = (-1.4, 1.4)  # from 1/4 to 4


def fit_temperature(
    probabilities: NDArray[np.float32], ages: Sequence[float], true_years: NDArray[np.floating[Any]]
) -> float:
    """The temperature that minimises the mean absolute error of the expected age.

    Args:
        probabilities: [N, K] float32, of images that were not trained on.
        ages: [K] the age of each bin in years.
        true_years: [N].
    """
    from scipy.optimize import minimize_scalar

    def error(log: float) -> float:
        means = tempered(probabilities, float(np.exp(log))) @ np.asarray(ages)
        return float(np.abs(means - true_years).mean())

    fit = minimize_scalar(error, bounds=_LOG_TEMPERATURES, method="bounded")
    return float(np.exp(fit.x))


def fit_spread(
    probabilities: NDArray[np.floating[Any]],
    ages: Sequence[float],
    true_years: NDArray[np.floating[Any]],
) -> tuple[float, float]:
    """The base_years and per_year of the blur that maximise the likelihood of the true ages.

    Args:
        probabilities: [N, K] with the temperature applied, of images that were not trained on.
        ages: [K] the age of each bin in years.
        true_years: [N].
    """
    from scipy.optimize import minimize

    true_bins = np.clip(np.rint(true_years), 0, LAST_AGE_YEARS).astype(np.int64)

    def loss(logs: NDArray[np.float64]) -> float:
        blurred = blur(probabilities, ages, *np.exp(np.clip(logs, *_LOG_SPREADS)))
        return float(-np.log(blurred[np.arange(len(true_bins)), true_bins] + 1e-12).mean())

    fit = minimize(loss, np.log([1.0, 0.1]), method="Nelder-Mead")
    base_years, per_year = np.exp(np.clip(fit.x, *_LOG_SPREADS)).tolist()
    return base_years, per_year
