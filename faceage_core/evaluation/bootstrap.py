"""Bootstrap confidence intervals of means, resampled by person."""

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

    Errors on images of one person are correlated, so they are drawn together: intervals over
    single images would be too narrow. Efron and Tibshirani, "An introduction to the bootstrap",
    1993.

    Args:
        values: [M, N], M quantities of N images; all are resampled alike.
        clusters: [N] the person in each image; equal numbers are drawn together.
        resamples: the number of resamples.
        seed: equal seeds give equal intervals.

    Returns:
        [M, 2] float64, the lower and upper ends; None if there is only one cluster.
    """
    _, place = np.unique(clusters, return_inverse=True)
    count = int(place.max()) + 1
    if count < 2:
        return None
    weighted = [*values, np.ones(len(clusters))]  # the last sums to each cluster's size
    sums = np.stack([np.bincount(place, weights=row, minlength=count) for row in weighted], axis=1)
    random = np.random.default_rng(seed)
    totals = np.empty((resamples, len(weighted)))
    for resample in range(resamples):
        drawn = np.bincount(random.integers(count, size=count), minlength=count)
        totals[resample] = drawn @ sums
    means = totals[:, :-1] / totals[:, -1:]
    ends: NDArray[np.float64] = np.percentile(means, _TAILS_PERCENT, axis=0).T
    return ends
