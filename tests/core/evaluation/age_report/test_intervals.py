"""How sure a figure is."""

import numpy as np
import pytest

from faceage_core.evaluation.age.markdown import markdown
from faceage_core.evaluation.bootstrap import mean_intervals
from tests.core.evaluation.age_report.made import SMALL, predictions, report


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


def test_pictures_of_one_person_are_drawn_together() -> None:
    # Twenty people with five equal pictures each tell no more than twenty pictures.
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


def test_one_person_says_nothing_of_others() -> None:
    assert mean_intervals(np.array([[1.0, 2.0]]), np.array([7, 7])) is None


def test_intervals_are_by_subject_where_people_are_named() -> None:
    found = predictions([20, 21, 30, 31], [25, 26, 30, 31], identity=["x", "x", "", ""])
    numbers = found.clusters().tolist()
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 3
    made = report(found)
    assert (made.bootstrap.unit, made.overall.subjects) == ("subject", 3)
    assert made.data.identities == "some"
    assert "resamples of people" in markdown(made)
    assert "Image-level split" not in markdown(made)


def test_an_image_level_split_is_named() -> None:
    made = report(SMALL)
    assert (made.bootstrap.unit, made.data.identities) == ("picture", "none")
    assert "Image-level split" in markdown(made)
    assert "resamples of single pictures" in markdown(made)
