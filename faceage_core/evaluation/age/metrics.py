"""Metrics of age estimates: errors of the mean, and calibration of the distribution.

Pure functions over arrays. An estimate is [N] ages in years; a distribution is [N, K]
probabilities over [K] bins, each standing for an age in years. Wherever an age between bins
matters, a bin holds its mass evenly between the half-way points to its neighbours, as in
`faceage_core.age.distribution`.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from faceage_core.age.distribution import bin_edges, quantiles

PROBABILITY_FLOOR = 1e-6  # of a bin: an age of probability 0 must not make the mean infinite
CALIBRATION_BINS = 10
DECADE_YEARS = 10


def errors(predicted: ArrayLike, true: ArrayLike) -> NDArray[np.float64]:
    """[N] predicted minus true age, in years; positive if the estimate is too old.

    Raises:
        ValueError: the lengths differ or are 0, or a value is NaN or infinite.
    """
    estimates, truth = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
    if estimates.ndim != 1 or estimates.shape != truth.shape or not len(truth):
        raise ValueError(
            "predicted and true ages must be two lists of one length and not empty, "
            f"got the shapes {estimates.shape} and {truth.shape}"
        )
    difference: NDArray[np.float64] = estimates - truth
    if not np.isfinite(difference).all():
        raise ValueError("predicted and true ages must be finite numbers")
    return difference


def mean_absolute_error(predicted: ArrayLike, true: ArrayLike) -> float:
    """The mean absolute error (MAE), in years."""
    return float(np.abs(errors(predicted, true)).mean())


def median_absolute_error(predicted: ArrayLike, true: ArrayLike) -> float:
    """The median absolute error, in years."""
    return float(np.median(np.abs(errors(predicted, true))))


def root_mean_squared_error(predicted: ArrayLike, true: ArrayLike) -> float:
    """The root of the mean squared error (RMSE), in years: large errors weigh more."""
    return float(np.sqrt(np.square(errors(predicted, true)).mean()))


def signed_bias(predicted: ArrayLike, true: ArrayLike) -> float:
    """The mean error in years; above 0 if estimates are too old on average."""
    return float(errors(predicted, true).mean())


def cumulative_score(predicted: ArrayLike, true: ArrayLike, tolerance_years: float) -> float:
    """The share of estimates with an error of at most this many years (CS@5 for 5), 0-1."""
    return float((np.abs(errors(predicted, true)) <= tolerance_years).mean())


def by_decade(true: ArrayLike) -> list[str]:
    """[N] the label of each age's decade: "0-9", "10-19", ..."""
    starts = (np.asarray(true, np.float64) // DECADE_YEARS * DECADE_YEARS).astype(np.int64)
    return [f"{start}-{start + DECADE_YEARS - 1}" for start in starts.tolist()]


def sorted_decades(labels: Iterable[str]) -> list[str]:
    """The different labels of `by_decade`, youngest first."""
    return sorted(set(labels), key=lambda label: int(label.split("-")[0]))


def mae_by_decade(predicted: ArrayLike, true: ArrayLike) -> dict[str, float]:
    """The MAE of each decade of true age that occurs, youngest first; in years."""
    distance = np.abs(errors(predicted, true))
    labels = np.array(by_decade(true))
    return {
        label: float(distance[labels == label].mean()) for label in sorted_decades(labels.tolist())
    }


def negative_log_likelihood(
    probabilities: NDArray[np.floating[Any]], bins: Sequence[float], true: ArrayLike
) -> float:
    """The mean of -log(density at the true age), in nats; the density is per year.

    A bin's probability counts as at least `PROBABILITY_FLOOR`. An age outside all bins counts as
    the floor, in a bin as wide as the nearest one.
    """
    rows, edges = _normalised(probabilities), bin_edges(bins)
    ages = np.asarray(true, np.float64)
    bin_of = np.clip(np.searchsorted(edges, ages, side="right") - 1, 0, len(bins) - 1)
    mass = np.maximum(rows[np.arange(len(rows)), bin_of], PROBABILITY_FLOOR)
    mass = np.where((ages < edges[0]) | (ages > edges[-1]), PROBABILITY_FLOOR, mass)
    return float(-np.log(mass / np.diff(edges)[bin_of]).mean())


def continuous_ranked_probability_score(
    probabilities: NDArray[np.floating[Any]], bins: Sequence[float], true: ArrayLike
) -> float:
    """The mean CRPS in years: the generalisation of the MAE to distributions.

    E|X - true| - E|X - X'| / 2, for X and X' drawn from the bins' ages; Gneiting and Raftery,
    "Strictly proper scoring rules, prediction, and estimation", 2007.
    """
    rows, centers = _normalised(probabilities), np.asarray(bins, np.float64)
    distance = (rows * np.abs(centers - np.asarray(true, np.float64)[:, None])).sum(axis=1)
    below = np.cumsum(rows, axis=1)[:, :-1]
    spread = (below * (1 - below)) @ np.diff(centers)  # = E|X - X'| / 2
    return float((distance - spread).mean())


def interval_coverage(
    probabilities: NDArray[np.floating[Any]], bins: Sequence[float], true: ArrayLike, level: float
) -> float:
    """The share of true ages inside the central interval of probability `level`, ends included."""
    low, high = quantiles(probabilities, bins, ((1 - level) / 2, (1 + level) / 2)).T
    ages = np.asarray(true, np.float64)
    return float(((low <= ages) & (ages <= high)).mean())


def probability_at_least(
    probabilities: NDArray[np.floating[Any]], bins: Sequence[float], age_years: float
) -> NDArray[np.float64]:
    """[N] the probability of the bins that stand for this age or a higher one, 0-1.

    A bin counts as a whole, since ages are stated in whole years: age 18 belongs to the bin of 18.
    """
    rows: NDArray[np.float64] = _normalised(probabilities)
    chosen: NDArray[np.float64] = rows[:, np.asarray(bins, np.float64) >= age_years].sum(axis=1)
    return np.clip(chosen, 0, 1)


def expected_calibration_error(
    probability: NDArray[np.floating[Any]], outcome: NDArray[np.bool_]
) -> float:
    """The expected calibration error of predicted probabilities, 0-1.

    Cases are divided into ten equal ranges of probability. The distance between the mean
    probability and the share of positive outcomes in each range is averaged, weighted by its cases.
    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities", 2015.
    """
    bin_of = np.minimum((probability * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    predicted = np.bincount(bin_of, weights=probability, minlength=CALIBRATION_BINS)
    observed = np.bincount(bin_of, weights=outcome.astype(np.float64), minlength=CALIBRATION_BINS)
    return float(np.abs(predicted - observed).sum() / len(probability))


def _normalised(probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    rows = probabilities.astype(np.float64)
    return np.asarray(rows / rows.sum(axis=1, keepdims=True), dtype=np.float64)
