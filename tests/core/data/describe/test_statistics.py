"""Statistics with known answers."""

import numpy as np
import pytest

from faceage_core.data.describe.statistics import (
    Repeats,
    age_bands,
    count_repeats,
    group_by_look,
    group_by_value,
    joint_bands,
    ks_distance,
    summarise_ages,
    value_counts,
)
from tests.core.data.describe.factories import FAR, NEAR, words


def test_ages_known_answers() -> None:
    ages = summarise_ages(np.array([10.0, 20, 30, 40, 100]))
    assert (ages.count, ages.mean, ages.minimum, ages.maximum) == (5, 40, 10, 100)
    assert ages.quartiles == (20, 30, 40)
    assert ages.std == pytest.approx(np.sqrt(1000))


def test_bands_include_their_lower_edge() -> None:
    bands = age_bands(np.array([0, 4.9, 5, 9.99, 10, 22.0]), 5)
    assert bands.edges.tolist() == [0, 5, 10, 15, 20, 25]
    assert bands.counts.tolist() == [2, 2, 1, 0, 1]
    assert bands.label(1) == "5-9"
    assert bands.peak == 0


def test_values_are_counted_with_nulls() -> None:
    assert list(value_counts(words("b", "a", None, "b", "a", "b")).items()) == [
        ("b", 3),
        ("a", 2),
        ("not stated", 1),
    ]
    assert value_counts(words()) == {}


def test_the_value_not_stated_is_counted_with_nulls() -> None:
    assert value_counts(words("not stated", None, "a", None)) == {"not stated": 3, "a": 1}


def test_ages_by_value() -> None:
    joint = joint_bands(
        np.array([1.0, 12, 13, 1]), words("f", "f", None, "m"), ("f", "m", "not stated"), 10
    )
    assert joint.counts.tolist() == [[1, 1], [1, 0], [0, 1]]
    assert joint.edges.tolist() == [0, 10, 20]


def test_kolmogorov_smirnov_known_answers() -> None:
    low, high = np.array([1.0, 2, 3, 4]), np.array([5.0, 6])
    assert ks_distance(low, high) == 1
    assert ks_distance(low, low[::-1]) == 0
    assert ks_distance(low, np.array([3.0, 4])) == 0.5


def test_kolmogorov_smirnov_equals_scipy() -> None:
    from scipy.stats import ks_2samp

    draw = np.random.default_rng(0)
    first = draw.integers(0, 90, 300).astype(np.float64)
    second = draw.integers(10, 70, 200).astype(np.float64)
    assert ks_distance(first, second) == pytest.approx(ks_2samp(first, second).statistic)


def test_repeats_known_answers() -> None:
    found = count_repeats(np.array([0, 0, 1, 2, 2, 2, -1, -1]), np.array([0, 1, 0, 1, 1, 1, 0, 1]))
    assert found == Repeats(groups=2, images=5, groups_across_splits=1)
    assert count_repeats(np.array([-1, -1]), np.array([0, 1])) == Repeats(0, 0, 0)


def test_groups_by_value_and_look() -> None:
    assert group_by_value(words("x", None, "y", "x")).tolist() == [0, -1, 1, 0]
    looks = group_by_look(words(FAR[0], FAR[1], NEAR, FAR[0]), 4)
    assert looks[0] == looks[2] == looks[3] != looks[1]
    exact = group_by_look(words(FAR[0], FAR[1], NEAR, FAR[0]), 0)
    assert exact[0] == exact[3] != exact[2]
