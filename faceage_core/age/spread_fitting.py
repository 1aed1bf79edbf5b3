"""Fitting the blur of `faceage_core.age.calibration` to photos whose ages are known."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceage_core.age.calibration import LAST_AGE_YEARS, blur

_LOGS = (-7.0, 4.0)  # of both numbers, from nearly no blur to one over all ages


def fit_spread(
    probabilities: NDArray[np.float32], ages: Sequence[float], true_years: NDArray[np.floating[Any]]
) -> tuple[float, float]:
    """The base_years and per_year under which the true ages are most likely.

    Args:
        probabilities: [N, K] float32, of photos that were not trained on.
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
