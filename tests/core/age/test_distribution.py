"""Summary figures of age distributions: known answers, and properties of all distributions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from faceage_core.age.distribution import summarise
from faceage_core.types import AgeEstimate

BINS = (0.0, 1.0, 2.0, 3.0, 4.0)


def summary(*masses: float, ages: tuple[float, ...] = BINS) -> AgeEstimate:
    (estimate,) = summarise(np.array([masses], np.float32), ages)
    return estimate


def assert_figures(
    estimate: AgeEstimate, *, mean: float, std: float, interval: tuple[float, float]
) -> None:
    assert estimate.mean == pytest.approx(mean, abs=1e-6)
    assert estimate.std == pytest.approx(std, abs=1e-6)
    assert estimate.interval_80 == pytest.approx(interval, abs=1e-6)


def test_a_point_mass() -> None:
    # The bin of age 3 reaches from 2.5 to 3.5 and holds its mass evenly.
    assert_figures(summary(0, 0, 0, 1, 0), mean=3, std=0, interval=(2.6, 3.4))


def test_a_point_mass_in_the_first_bin_begins_at_age_0() -> None:
    assert_figures(summary(1, 0, 0, 0, 0), mean=0, std=0, interval=(0.05, 0.45))


def test_a_point_mass_in_the_last_bin() -> None:
    assert_figures(summary(0, 0, 0, 0, 1), mean=4, std=0, interval=(3.6, 4.4))


def test_a_uniform_distribution() -> None:
    # A tenth lies in the first half of the first bin, 0 to 0.5; another above 4.0.
    assert_figures(summary(*[0.2] * 5), mean=2, std=np.sqrt(2), interval=(0.25, 4.0))


def test_two_peaks() -> None:
    assert_figures(summary(0, 0.5, 0, 0.5, 0), mean=2, std=1, interval=(0.7, 3.3))


def test_a_skewed_distribution() -> None:
    # Below 0.5: 0.7; the tenth is at a seventh of it. Above 3.5: 0.1 exactly.
    estimate = summary(0.7, 0, 0, 0.2, 0.1)
    assert_figures(estimate, mean=1, std=np.sqrt(3.4 - 1), interval=(0.5 / 7, 3.5))


def test_bins_of_unequal_width() -> None:
    # Limits: 0, 0.625, 1.5, 2.5; the first bin stands for 0.25 years and cannot reach below 0.
    ages = (0.25, 1.0, 2.0)
    first = summary(1, 0, 0, ages=ages)
    assert_figures(first, mean=0.25, std=0, interval=(0.0625, 0.5625))
    middle = summary(0, 1, 0, ages=ages)
    assert_figures(middle, mean=1, std=0, interval=(0.625 + 0.0875, 1.5 - 0.0875))


def test_rows_are_scaled_to_sum_to_1() -> None:
    scaled, plain = summary(0, 3, 0, 1, 0), summary(0, 0.75, 0, 0.25, 0)
    assert scaled.probabilities == pytest.approx((0, 0.75, 0, 0.25, 0))
    assert scaled.ages == BINS
    assert_figures(scaled, mean=1.5, std=plain.std, interval=plain.interval_80)


def test_each_row_is_summarised_separately() -> None:
    rows = np.array([[1, 0, 0, 0, 0], [0.2] * 5, [0, 0, 0, 0, 1]], np.float32)
    together = summarise(rows, BINS)
    assert together == [summarise(row[None], BINS)[0] for row in rows]
    assert [estimate.mean for estimate in together] == pytest.approx([0, 2, 4])


def test_no_row() -> None:
    assert summarise(np.zeros((0, 5), np.float32), BINS) == []


masses = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.just(5)),
    elements=st.floats(0, 1, width=32).map(lambda value: 0.0 if value < 1e-6 else value),
).filter(lambda rows: bool((rows.sum(axis=1) > 0).all()))
steps = st.lists(st.floats(0.25, 20), min_size=5, max_size=5)


@given(rows=masses, widths=steps)
def test_the_figures_of_every_distribution_are_consistent(
    rows: NDArray[np.float32], widths: list[float]
) -> None:
    ages = tuple(float(age) for age in np.cumsum(widths))
    lowest = max(0.0, ages[0] - (ages[1] - ages[0]) / 2)
    highest = ages[-1] + (ages[-1] - ages[-2]) / 2
    for row, estimate in zip(rows, summarise(rows, ages), strict=True):
        low, high = estimate.interval_80
        assert lowest - 1e-9 <= low <= high <= highest + 1e-9
        held = [age for age, mass in zip(ages, row, strict=True) if mass > 0]
        assert held[0] - 1e-6 <= estimate.mean <= held[-1] + 1e-6
        assert 0 <= estimate.std <= (held[-1] - held[0]) / 2 + 1e-3
        assert sum(estimate.probabilities) == pytest.approx(1)
        assert inside(estimate, low, high, ages) == pytest.approx(0.8, abs=1e-6)


def inside(estimate: AgeEstimate, low: float, high: float, ages: tuple[float, ...]) -> float:
    """The probability between two ages, summed bin by bin."""
    middles = [(one + other) / 2 for one, other in zip(ages, ages[1:], strict=False)]
    first, last = max(0.0, 2 * ages[0] - middles[0]), 2 * ages[-1] - middles[-1]
    edges = [first, *middles, last]
    return sum(
        mass * max(0.0, min(high, right) - max(low, left)) / (right - left)
        for mass, left, right in zip(estimate.probabilities, edges, edges[1:], strict=False)
    )
