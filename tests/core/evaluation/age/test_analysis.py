"""Figures of the report, with hand-computed answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceage_core.evaluation.age.analysis import age_gate
from faceage_core.evaluation.age.markdown import markdown
from tests.core.evaluation.age.factories import SMALL, predictions, report


def test_overall_errors() -> None:
    found = report(SMALL).overall  # 1, 4, -5, 0, 20, 13
    assert (found.n, found.subjects) == (6, 6)
    assert (found.youngest_years, found.oldest_years) == (5, 41)
    assert found.mae.value == pytest.approx(43 / 6)
    assert found.rmse == pytest.approx((611 / 6) ** 0.5)
    assert found.median == 4.5
    assert (found.cs3, found.cs5.value, found.cs10) == (2 / 6, 4 / 6, 4 / 6)
    assert found.bias == pytest.approx(33 / 6)
    assert found.mae.low is not None
    assert found.mae.high is not None
    assert found.mae.low < found.mae.value < found.mae.high


def test_errors_by_decade() -> None:
    found = report(SMALL).by_decade
    assert [(name, one.n) for name, one in found.groups.items()] == [
        ("0-9", 2), ("10-19", 1), ("20-29", 2), ("40-49", 1),
    ]  # fmt: skip
    assert [one.mae.value for one in found.groups.values()] == [2.5, 13, 2.5, 20]
    assert (found.mean_mae, found.mean_cs5) == (38 / 4, 2 / 4)
    assert found.worst == "40-49"
    assert found.worst_among == "all groups, all small"


def test_decades_are_sorted_by_age() -> None:
    found = report(predictions([5, 100, 99, 25], [5, 100, 99, 25])).by_decade
    assert list(found.groups) == ["0-9", "20-29", "90-99", "100-109"]


def test_a_small_group_is_not_the_worst_beside_large_ones() -> None:
    true = [25.0] * 30 + [45.0] * 30 + [5.0] * 29
    estimated = [26.0] * 30 + [47.0] * 30 + [50.0] * 29
    found = report(predictions(true, estimated)).by_decade
    assert (found.worst, found.worst_among) == ("40-49", "groups of 30 faces or more")


def test_errors_by_stated_group() -> None:
    found = report(SMALL)
    assert found.by_gender is not None
    assert {name: one.mae.value for name, one in found.by_gender.groups.items()} == {
        "female": 3, "male": pytest.approx(17 / 3),
    }  # fmt: skip
    assert found.by_race is not None
    assert {name: one.n for name, one in found.by_race.groups.items()} == {"a": 3, "b": 3}
    assert found.by_race.worst == "b"


def test_there_is_no_breakdown_by_unstated_labels() -> None:
    found = report(predictions([20, 30], [20, 30]))
    assert (found.by_gender, found.by_race, found.gender) == (None, None, None)
    assert markdown(found).count("The data set does not state it.") == 2


def test_one_face_has_no_interval() -> None:
    mae = report(SMALL).by_decade.groups["10-19"].mae
    assert (mae.value, mae.low, mae.high) == (13, None, None)


def test_gender_accuracy_needs_both_labels() -> None:
    found = report(SMALL).gender
    assert found is not None
    assert (found.all.n, found.all.count, found.all.rate) == (5, 4, 0.8)
    assert found.by_stated["female"].rate == 1
    assert found.by_stated["male"].rate == pytest.approx(2 / 3)


def test_distribution() -> None:
    found = report(SMALL).distribution
    assert found.crps == pytest.approx(43 / 6)  # of one bin it is the distance
    # Only the estimate of 27 holds its true age, in the middle of its bin.
    assert found.coverage == {"50": 1 / 6, "80": 1 / 6, "90": 1 / 6}
    assert found.nll == pytest.approx(5 * -np.log(found.nll_floor) / 6)
    assert [(row.age_years, row.n_at_least) for row in found.at_least] == [
        (18, 3), (21, 3), (25, 3), (30, 1),
    ]  # fmt: skip
    eighteen = found.at_least[0]  # certain of four faces, of which the one of 17 is not that old
    assert eighteen.mean_probability == pytest.approx(4 / 6)
    assert eighteen.calibration_error == pytest.approx(1 / 6)


def test_the_gate_challenges_estimates_below_the_threshold() -> None:
    true = np.array([10.0, 17, 17.9, 18, 24, 30, 60])
    estimated = np.array([24.9, 25, 20, 24, 25, 24.99, 60])
    gate = age_gate(estimated, true, 25)
    assert (gate.minors.n, gate.minors.count) == (3, 1)  # only the one of 17 at 25
    assert gate.minors.rate == pytest.approx(1 / 3)
    assert {age: (r.n, r.count) for age, r in gate.minors_by_age.items()} == {
        10: (1, 0),
        17: (2, 1),
    }
    assert (gate.adults.n, gate.adults.count) == (4, 2)  # 18 at 24 and 30 at 24.99
    assert gate.adults.rate == 0.5


def test_a_gate_without_minors_has_no_rate() -> None:
    found = report(predictions([40, 50], [41, 19]))
    gate = found.gates[0]
    assert (gate.threshold_years, gate.minors.rate, gate.minors_by_age) == (18, None, {})
    assert gate.adults.rate == 0
    assert found.gates[1].adults.rate == 0.5
    assert "| 21 years | - | 0 | 50.0% | 2 |" in markdown(found)


@given(
    faces=st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=30),
    steps=st.tuples(st.integers(0, 99), st.integers(1, 20)),
)
def test_a_higher_threshold_lets_fewer_minors_through_and_challenges_more_adults(
    faces: list[tuple[float, float]], steps: tuple[int, int]
) -> None:
    estimated, true = np.array(faces).T
    low, high = (age_gate(estimated, true, age) for age in (steps[0], sum(steps)))
    assert high.minors.count <= low.minors.count
    assert high.adults.count >= low.adults.count
    assert low.minors.n + low.adults.n == len(faces)
    assert sum(rate.count for rate in low.minors_by_age.values()) == low.minors.count
    assert sum(rate.n for rate in low.minors_by_age.values()) == low.minors.n
