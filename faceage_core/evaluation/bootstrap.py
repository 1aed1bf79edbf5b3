"""How far a mean may be off because other faces, or other people, could have been in the sample."""

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
SEED = 0
_TAILS_PERCENT = (2.5, 97.5)


def mean_intervals(
    values: NDArray[np.float64],
    clusters: NDArray[np.int64],
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> NDArray[np.float64] | None:
    """95 % percentile intervals of means, by resampling whole clusters with replacement.

    The photos of one person err alike, so they are drawn together: intervals over single photos
    would be too narrow. Efron and Tibshirani, "An introduction to the bootstrap", 1993.

    Args:
        values: [M, N], M quantities of N photos; all are resampled alike.
        clusters: [N] a number for each photo's person; equal numbers stay together.
        resamples: how many.
        seed: equal seeds give equal intervals.

    Returns:
        [M, 2] float64, the lower and upper ends; None if there is but one cluster, which says
        nothing of others.
    """
    _, place = np.unique(clusters, return_inverse=True)
    count = int(place.max()) + 1
    if count < 2:
        return None
    weighed = [*values, np.ones(len(clusters))]  # the last sums to each cluster's size
    sums = np.stack([np.bincount(place, weights=row, minlength=count) for row in weighed], axis=1)
    random = np.random.default_rng(seed)
    totals = np.empty((resamples, len(weighed)))
    for resample in range(resamples):
        drawn = np.bincount(random.integers(count, size=count), minlength=count)
        totals[resample] = drawn @ sums
    means = totals[:, :-1] / totals[:, -1:]
    ends: NDArray[np.float64] = np.percentile(means, _TAILS_PERCENT, axis=0).T
    return ends
