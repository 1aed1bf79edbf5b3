"""Bootstrap intervals of means."""

import numpy as np
import pytest

from faceage_core.evaluation.bootstrap import mean_intervals


def test_intervals_of_equal_values_have_no_width() -> None:
    ends = mean_intervals(np.full((1, 10), 3.0), np.arange(10))
    assert ends is not None
    assert ends[0] == pytest.approx([3, 3])


def test_intervals_agree_with_the_standard_error() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    ends = mean_intervals(values[None], np.arange(400))
    assert ends is not None
    reach = 1.96 * values.std() / 20
    assert ends[0] == pytest.approx([values.mean() - reach, values.mean() + reach], abs=0.05)


def test_images_of_one_person_are_drawn_together() -> None:
    # Five equal images of each person give no more information than one.
    people = np.random.default_rng(2).normal(0, 1, 20)
    values, clusters = np.repeat(people, 5)[None], np.repeat(np.arange(20), 5)
    together = mean_intervals(values, clusters)
    alone = mean_intervals(people[None], np.arange(20))
    assert together is not None
    assert alone is not None
    np.testing.assert_allclose(together, alone)
    apart = mean_intervals(values, np.arange(100))
    assert apart is not None
    assert np.diff(together[0]) > 1.5 * np.diff(apart[0])


def test_one_person_has_no_interval() -> None:
    assert mean_intervals(np.array([[1.0, 2.0]]), np.array([7, 7])) is None
