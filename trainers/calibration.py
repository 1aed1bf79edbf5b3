"""Fitting `faceage_core.age.calibration` to photos whose ages are known."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceage_core.age.calibration import LAST_AGE_YEARS, blur, tempered

_LOGS = (-7.0, 4.0)  # of both numbers, from nearly no blur to one over all ages
_LOG_TEMPERATURES = (-1.4, 1.4)  # from a quarter to four


def fit_temperature(
    probabilities: NDArray[np.float32], ages: Sequence[float], true_years: NDArray[np.floating[Any]]
) -> float:
    """The temperature under which the mean's absolute error is least.

    Args:
        probabilities: [N, K] float32, of photos that were not trained on.
        ages: [K] the age in years that each bin stands for.
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
    """The base_years and per_year under which the true ages are most likely.

    Args:
        probabilities: [N, K], tempered, of photos that were not trained on.
        ages: [K] the age in years that each bin stands for.
        true_years: [N].
    """
    from scipy.optimize import minimize

    whole = np.clip(np.rint(true_years), 0, LAST_AGE_YEARS).astype(np.int64)

    def loss(logs: NDArray[np.float64]) -> float:
        blurred = blur(probabilities, ages, *np.exp(np.clip(logs, *_LOGS)))
        return float(-np.log(blurred[np.arange(len(whole)), whole] + 1e-12).mean())

    fit = minimize(loss, np.log([1.0, 0.1]), method="Nelder-Mead")
    base_years, per_year = np.exp(np.clip(fit.x, *_LOGS)).tolist()
    return base_years, per_year
