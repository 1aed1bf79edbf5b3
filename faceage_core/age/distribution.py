"""An age as a distribution over bins, and the figures a person reads off it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceage_core.types import AgeEstimate

_TAIL = 0.1  # on either side of the 80 % interval


def summarise(probabilities: NDArray[np.floating[Any]], ages: Sequence[float]) -> list[AgeEstimate]:
    """Read each row's expectation, spread and central 80 % interval.

    Args:
        probabilities: [N, K], not negative; rows are scaled to sum to 1.
        ages: [K] the age in years that each bin stands for, ascending.

    Returns:
        One estimate a row.
    """
    rows = probabilities.astype(np.float64)
    rows = rows / rows.sum(axis=1, keepdims=True)
    bins = np.asarray(ages, dtype=np.float64)
    means = rows @ bins
    stds = np.sqrt(np.maximum(rows @ bins**2 - means**2, 0))
    edges = _edges(bins)
    return [
        AgeEstimate(
            mean=float(mean),
            std=float(std),
            interval_80=(_quantile(row, edges, _TAIL), _quantile(row, edges, 1 - _TAIL)),
            ages=tuple(ages),
            probabilities=tuple(row.tolist()),
        )
        for row, mean, std in zip(rows, means, stds, strict=True)
    ]


def _edges(bins: NDArray[np.float64]) -> NDArray[np.float64]:
    """The [K + 1] limits between bins: half-way, the outermost as wide as their neighbours."""
    middles = (bins[1:] + bins[:-1]) / 2
    first, last = 2 * bins[0] - middles[0], 2 * bins[-1] - middles[-1]
    return np.concatenate([[max(0.0, first)], middles, [last]])


def _quantile(row: NDArray[np.float64], edges: NDArray[np.float64], level: float) -> float:
    """The age below which `level` of the probability lies; a bin holds its mass evenly."""
    cumulative = np.concatenate([[0.0], np.cumsum(row)])
    return float(np.interp(level, cumulative, edges))
