"""Compute the age report from predictions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from faceage_core import __version__
from faceage_core.evaluation.age import metrics
from faceage_core.evaluation.age.predictions import NOT_STATED, AgePredictions
from faceage_core.evaluation.age.report import (
    AgeReport,
    AtLeast,
    Bootstrap,
    Breakdown,
    DataFacts,
    Distribution,
    Errors,
    Estimate,
    Gate,
    GenderAccuracy,
    ModelFacts,
    Rate,
)
from faceage_core.evaluation.bootstrap import RESAMPLES, SEED, mean_intervals

THRESHOLDS_YEARS = (18, 21, 25, 30)
COVERAGE_PERCENT = (50, 80, 90)
ADULT_YEARS = 18
MIN_GROUP_FACES = 30  # smaller groups are not named the worst


def compute_report(
    predictions: AgePredictions, model: ModelFacts, data: DataFacts, command: str
) -> AgeReport:
    """Compute all figures.

    Raises:
        ValueError: there are no predictions, or one is NaN or infinite.
    """
    clusters = predictions.clusters()
    decades = np.array(metrics.by_decade(predictions.true_years))
    return AgeReport(
        tool_version=__version__,
        command=command,
        model=model,
        data=data,
        bootstrap=Bootstrap(
            unit="subject" if predictions.has_identities else "picture",
            resamples=RESAMPLES,
            seed=SEED,
        ),
        overall=_errors(predictions, clusters, np.ones(len(decades), dtype=np.bool_)),
        by_decade=_breakdown(predictions, clusters, decades, metrics.sorted_decades(decades)),
        by_gender=_breakdown_by_label(predictions, clusters, predictions.gender),
        by_race=_breakdown_by_label(predictions, clusters, predictions.race),
        distribution=_distribution(predictions),
        gates=tuple(
            age_gate(predictions.estimated_years, predictions.true_years, threshold)
            for threshold in THRESHOLDS_YEARS
        ),
        gender=_gender(predictions),
    )


def age_gate(
    estimated: NDArray[np.float64], true: NDArray[np.float64], threshold_years: int
) -> Gate:
    """Count the errors of an age gate that challenges faces estimated below the threshold.

    Args:
        estimated: [N] years.
        true: [N] years.
        threshold_years: faces estimated at or above it pass unchallenged.
    """
    passed, minor = estimated >= threshold_years, true < ADULT_YEARS
    whole = np.floor(true).astype(np.int64)
    return Gate(
        threshold_years=threshold_years,
        minors=_rate(passed, minor),
        minors_by_age={
            int(age): _rate(passed, minor & (whole == age)) for age in np.unique(whole[minor])
        },
        adults=_rate(~passed, ~minor),
    )


def _errors(
    predictions: AgePredictions, clusters: NDArray[np.int64], inside: NDArray[np.bool_]
) -> Errors:
    estimated, true = predictions.estimated_years[inside], predictions.true_years[inside]
    absolute = np.abs(metrics.errors(estimated, true))
    mae, cs5 = absolute.mean(), (absolute <= 5).mean()
    ends = mean_intervals(np.stack([absolute, absolute <= 5]), clusters[inside])
    return Errors(
        n=len(true),
        subjects=len(np.unique(clusters[inside])),
        youngest_years=float(true.min()),
        oldest_years=float(true.max()),
        mae=_estimate(mae, None if ends is None else ends[0]),
        rmse=metrics.root_mean_squared_error(estimated, true),
        median=metrics.median_absolute_error(estimated, true),
        cs3=metrics.cumulative_score(estimated, true, 3),
        cs5=_estimate(cs5, None if ends is None else ends[1]),
        cs10=metrics.cumulative_score(estimated, true, 10),
        bias=metrics.signed_bias(estimated, true),
    )


def _estimate(value: float, ends: NDArray[np.float64] | None) -> Estimate:
    low, high = (None, None) if ends is None else ends.tolist()
    return Estimate(value=float(value), low=low, high=high)


def _breakdown(
    predictions: AgePredictions,
    clusters: NDArray[np.int64],
    labels: NDArray[np.str_],
    names: Sequence[str],
) -> Breakdown:
    groups = {str(name): _errors(predictions, clusters, labels == name) for name in names}
    large = {name: errors for name, errors in groups.items() if errors.n >= MIN_GROUP_FACES}
    candidates = large or groups
    return Breakdown(
        groups=groups,
        mean_mae=float(np.mean([errors.mae.value for errors in groups.values()])),
        mean_cs5=float(np.mean([errors.cs5.value for errors in groups.values()])),
        worst=max(candidates, key=lambda name: candidates[name].mae.value),
        worst_among=f"groups of {MIN_GROUP_FACES} faces or more"
        if large
        else "all groups, all small",
    )


def _breakdown_by_label(
    predictions: AgePredictions, clusters: NDArray[np.int64], labels: NDArray[np.str_]
) -> Breakdown | None:
    """The breakdown of the faces with a stated label; None if there are none."""
    names = sorted(set(labels.tolist()) - {NOT_STATED})
    return _breakdown(predictions, clusters, labels, names) if names else None


def _distribution(predictions: AgePredictions) -> Distribution:
    rows, bins = predictions.probabilities, predictions.bins_years
    true = predictions.true_years
    return Distribution(
        nll=metrics.negative_log_likelihood(rows, bins, true),
        nll_floor=metrics.PROBABILITY_FLOOR,
        crps=metrics.continuous_ranked_probability_score(rows, bins, true),
        coverage={
            str(percent): metrics.interval_coverage(rows, bins, true, percent / 100)
            for percent in COVERAGE_PERCENT
        },
        at_least=tuple(_at_least(predictions, age) for age in THRESHOLDS_YEARS),
    )


def _at_least(predictions: AgePredictions, age_years: int) -> AtLeast:
    probability = metrics.probability_at_least(
        predictions.probabilities, predictions.bins_years, age_years
    )
    outcome = predictions.true_years >= age_years
    return AtLeast(
        age_years=age_years,
        n_at_least=int(outcome.sum()),
        share=float(outcome.mean()),
        mean_probability=float(probability.mean()),
        calibration_error=metrics.expected_calibration_error(probability, outcome),
    )


def _gender(predictions: AgePredictions) -> GenderAccuracy | None:
    stated = predictions.gender
    known = (stated != NOT_STATED) & (predictions.estimated_gender != NOT_STATED)
    if not known.any():
        return None
    correct = stated == predictions.estimated_gender
    labels = np.unique(stated[known]).tolist()
    return GenderAccuracy(
        all=_rate(correct, known),
        by_stated={label: _rate(correct, known & (stated == label)) for label in labels},
    )


def _rate(event: NDArray[np.bool_], among: NDArray[np.bool_]) -> Rate:
    n, count = int(among.sum()), int((event & among).sum())
    return Rate(n=n, count=count, rate=count / n if n else None)
