"""Summary figures of an age distribution: mean, standard deviation, interval, quantiles."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceage_core.types import AgeEstimate

_TAIL = 0.1  # on either side of the 80 % interval


def summarise(probabilities: NDArray[np.floating[Any]], ages: Sequence[float]) -> list[AgeEstimate]:
    """Compute the mean, standard deviation and central 80 % interval of each row.

    Args:
        probabilities: [N, K], non-negative; rows are scaled to sum to 1.
        ages: [K] the age in years that each bin stands for, ascending.

    Returns:
        One estimate for each row.
    """
    rows = probabilities.astype(np.float64)
    rows = rows / rows.sum(axis=1, keepdims=True)
    bins = np.asarray(ages, dtype=np.float64)
    means = rows @ bins
    stds = np.sqrt(np.maximum(rows @ bins**2 - means**2, 0))
    intervals = quantiles(rows, ages, (_TAIL, 1 - _TAIL)).tolist()
    return [
        AgeEstimate(
            mean=float(mean),
            std=float(std),
            interval_80=(low, high),
            ages=tuple(ages),
            probabilities=tuple(row.tolist()),
        )
        for row, mean, std, (low, high) in zip(rows, means, stds, intervals, strict=True)
    ]


def quantiles(
    probabilities: NDArray[np.floating[Any]], ages: Sequence[float], levels: Sequence[float]
) -> NDArray[np.float64]:
    """Quantiles of each row; the probability of a bin is spread evenly over the bin.

    Args:
        probabilities: [N, K], as for `summarise`.
        ages: [K], as for `summarise`.
        levels: [L] 0-1.

    Returns:
        [N, L] float64: the age in years below which this share of the probability lies.
    """
    rows = probabilities.astype(np.float64)
    rows = rows / rows.sum(axis=1, keepdims=True)
    edges = bin_edges(ages)
    found = np.empty((len(rows), len(levels)))
    for index, row in enumerate(rows):
        found[index] = np.interp(levels, np.concatenate([[0.0], np.cumsum(row)]), edges)
    return found


def bin_edges(ages: Sequence[float]) -> NDArray[np.float64]:
    """[K + 1] the edges of [K] bins, in years.

    Inner edges are half-way between two ages; the first and last bin are as wide as their
    neighbours, but the first edge is never below 0.
    """
    bins = np.asarray(ages, dtype=np.float64)
    middles = (bins[1:] + bins[:-1]) / 2
    first, last = 2 * bins[0] - middles[0], 2 * bins[-1] - middles[-1]
    return np.concatenate([[max(0.0, first)], middles, [last]])
