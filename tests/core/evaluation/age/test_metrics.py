"""Metrics of age estimates: hand-computed answers and properties."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from faceage_core.age.distribution import summarise
from faceage_core.evaluation.age.metrics import (
    PROBABILITY_FLOOR,
    by_decade,
    continuous_ranked_probability_score,
    cumulative_score,
    errors,
    expected_calibration_error,
    interval_coverage,
    mae_by_decade,
    mean_absolute_error,
    median_absolute_error,
    negative_log_likelihood,
    probability_at_least,
    root_mean_squared_error,
    signed_bias,
)

PREDICTED = np.array([10.0, 25.0, 38.0, 60.0])
TRUE = np.array([10, 20, 40, 70])  # errors: 0, +5, -2, -10
BINS = (10.0, 11.0, 12.0, 13.0)


def test_errors_of_an_estimate() -> None:
    assert errors(PREDICTED, TRUE).tolist() == [0, 5, -2, -10]
    assert mean_absolute_error(PREDICTED, TRUE) == 17 / 4
    assert median_absolute_error(PREDICTED, TRUE) == 3.5
    assert root_mean_squared_error(PREDICTED, TRUE) == pytest.approx(math.sqrt(129 / 4))
    assert signed_bias(PREDICTED, TRUE) == -7 / 4


@pytest.mark.parametrize(("tolerance", "score"), [(0, 0.25), (4.99, 0.5), (5, 0.75), (10, 1)])
def test_an_error_equal_to_the_tolerance_counts_in_the_cumulative_score(
    tolerance: float, score: float
) -> None:
    assert cumulative_score(PREDICTED, TRUE, tolerance) == score


def test_decades() -> None:
    assert by_decade([0, 9, 9.99, 10, 19.5, 100, 120]) == [
        "0-9", "0-9", "0-9", "10-19", "10-19", "100-109", "120-129",
    ]  # fmt: skip


def test_decades_that_occur_are_sorted_by_age() -> None:
    found = mae_by_decade([101.0, 5, 22, 20], [104, 3, 20, 21])
    assert list(found.items()) == [("0-9", 2), ("20-29", 1.5), ("100-109", 3)]


@pytest.mark.parametrize(
    ("predicted", "true"), [([], []), ([1.0], [1.0, 2.0]), ([math.nan], [1.0]), ([[1.0]], [[1.0]])]
)
def test_invalid_ages_are_an_error(predicted: list[float], true: list[float]) -> None:
    with pytest.raises(ValueError, match="predicted and true ages must be"):
        mean_absolute_error(predicted, true)


def test_likelihood_is_a_density_per_year() -> None:
    half = np.array([[0.5, 0.5, 0, 0]])
    assert negative_log_likelihood(half, BINS, [10]) == pytest.approx(math.log(2))
    wide = (10.0, 15.0, 20.0, 25.0)  # the same mass over 5 years
    assert negative_log_likelihood(half, wide, [15]) == pytest.approx(math.log(10))


@pytest.mark.parametrize("age", [13, 30, 2])
def test_an_age_of_probability_0_counts_as_the_floor(age: float) -> None:
    sure = np.array([[1.0, 0, 0, 0]])
    assert negative_log_likelihood(sure, BINS, [age]) == pytest.approx(-math.log(PROBABILITY_FLOOR))


def test_likelihood_is_the_mean_over_faces() -> None:
    rows = np.array([[0.5, 0.5, 0, 0], [0.25] * 4])
    found = negative_log_likelihood(rows, BINS, [10, 13])
    assert found == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_ranked_probability_score_of_a_certain_estimate_is_its_error() -> None:
    sure = np.array([[0, 1.0, 0, 0], [0, 0, 0, 1.0]])
    assert continuous_ranked_probability_score(sure, BINS, [11, 10]) == (0 + 3) / 2


def test_ranked_probability_score_of_two_bins() -> None:
    # Half at 10, half at 12, truth 10: E|X - 10| = 1, E|X - X'| = 1, so 1 - 1/2.
    rows = np.array([[0.5, 0, 0.5, 0]])
    assert continuous_ranked_probability_score(rows, BINS, [10]) == pytest.approx(0.5)


def test_coverage_uses_the_interval_of_the_response() -> None:
    rows = np.array([[0, 1.0, 0, 0]] * 3)  # the bin of 11: 10.5 to 11.5
    (estimate,) = summarise(rows[:1], BINS)
    low, high = estimate.interval_80
    assert (low, high) == pytest.approx((10.6, 11.4))
    assert interval_coverage(rows, BINS, [low, 11, high], 0.8) == 1
    assert interval_coverage(rows, BINS, [low - 0.01, 11, high + 0.01], 0.8) == 1 / 3
    assert interval_coverage(rows, BINS, [low - 0.01, 11, high + 0.01], 0.9) == 1
    assert interval_coverage(rows, BINS, [10.74, 11, 11.26], 0.5) == 1 / 3


def test_probability_at_least_includes_the_bin_of_the_age() -> None:
    rows = np.array([[0.1, 0.2, 0.3, 0.4]])
    assert probability_at_least(rows, BINS, 12) == pytest.approx([0.7])
    assert probability_at_least(rows, BINS, 12.5) == pytest.approx([0.4])
    assert probability_at_least(rows, BINS, 0) == pytest.approx([1])
    assert probability_at_least(rows, BINS, 14) == pytest.approx([0])


def test_calibration() -> None:
    stated = np.array([0.2] * 5 + [0.9] * 5)
    kept = np.array([True] + [False] * 4 + [True] * 4 + [False])
    # 1 of 5 in the range of 0.2: right. 4 of 5 in that of 0.9: off by 0.1, for half of the cases.
    assert expected_calibration_error(stated, kept) == pytest.approx(0.05)
    assert expected_calibration_error(np.array([1.0, 0.0]), np.array([False, True])) == 1
    assert expected_calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0


masses = arrays.arrays(np.float64, st.tuples(st.just(3), st.just(4)), elements=st.floats(0.01, 1))
ages = arrays.arrays(np.float64, st.just(3), elements=st.floats(9.5, 13.5))


@given(rows=masses, true=ages)
def test_the_ranked_probability_score_is_the_integral_that_defines_it(
    rows: NDArray[np.float64], true: NDArray[np.float64]
) -> None:
    found = continuous_ranked_probability_score(rows, BINS, true)
    share = rows / rows.sum(axis=1, keepdims=True)
    integral = 0.0  # of (F(x) - [x >= true])^2, on a fine grid
    grid = np.linspace(9, 14, 5001)
    for row, age in zip(share, true, strict=True):
        below = (row[None] * (np.array(BINS)[None] <= grid[:, None])).sum(axis=1)
        integral += float(((below - (grid >= age)) ** 2).mean() * 5)
    assert found == pytest.approx(integral / 3, abs=5e-3)


@given(rows=masses, true=ages)
def test_wider_intervals_contain_more(rows: NDArray[np.float64], true: NDArray[np.float64]) -> None:
    narrow, middle, wide = (interval_coverage(rows, BINS, true, p) for p in (0.5, 0.8, 0.9))
    assert 0 <= narrow <= middle <= wide <= 1


@given(rows=masses, true=ages, factor=st.floats(0.1, 10))
def test_rows_need_not_sum_to_1(
    rows: NDArray[np.float64], true: NDArray[np.float64], factor: float
) -> None:
    for metric in (negative_log_likelihood, continuous_ranked_probability_score):
        assert metric(rows * factor, BINS, true) == pytest.approx(metric(rows, BINS, true))
