"""Ages and genders of faces, with tiny networks whose outputs are known."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from faceage_core.age.estimator import AgeEstimator
from faceage_core.cards.crops import BoxCrop
from faceage_core.cards.input import InputSpec
from faceage_core.cards.model_card import AgeCard, GenderCard
from faceage_core.inference.model import Network
from faceage_core.types import GenderEstimate

AGES = (10.0, 20.0, 30.0)


class TableEngine:
    """Returns one row of a table for each crop: the one whose index is the first red pixel."""

    def __init__(self, *rows: tuple[float, ...]) -> None:
        self.rows = np.array(rows, np.float32)

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        return (self.rows[batch[:, 0, 0, 0].astype(int)],)


def fields(name: str, **changes: Any) -> dict[str, Any]:
    plain = InputSpec(crop=BoxCrop(size_px=2, margin_px=0), mean=(0, 0, 0), scale=(1, 1, 1))
    return {
        "name": name,
        "version": "1",
        "summary": "for tests",
        "architecture": "tiny",
        "weights": (),
        "origin": "made here",
        "license": "CC0-1.0",
        "input": plain,
        **changes,
    }


def age_card(**changes: Any) -> AgeCard:
    return AgeCard.model_validate(fields("tiny-age", age_bins_years=AGES, **changes))


def crops(*values: int) -> NDArray[np.uint8]:
    return np.array(values, np.uint8)[:, None, None, None].repeat(2, 1).repeat(2, 2).repeat(3, 3)


AGE = Network(age_card(), TableEngine((1, 0, 0), (0, 0, 1), (0.25, 0.5, 0.25)))
GENDER = Network(
    GenderCard.model_validate(fields("tiny-gender", gender_bins=("female", "male"))),
    TableEngine((0.875, 0.125), (0.375, 0.625)),
)


def test_estimates_are_in_the_order_of_the_faces() -> None:
    found = AgeEstimator(AGE, GENDER).estimate({"age": crops(1, 0, 2), "gender": crops(1, 0, 0)})
    assert [one.age.mean for one in found] == [30, 10, 20]
    assert [one.age.ages for one in found] == [AGES] * 3
    assert found[2].age.probabilities == (0.25, 0.5, 0.25)
    genders = [one.gender for one in found]
    assert [gender and (gender.label, gender.probability) for gender in genders] == [
        ("male", 0.625),
        ("female", 0.875),
        ("female", 0.875),
    ]


def test_without_a_gender_network_there_is_no_gender() -> None:
    (found,) = AgeEstimator(AGE, None).estimate({"age": crops(2)})
    assert found.gender is None
    assert found.age.mean == 20


@pytest.mark.parametrize("gender", [GENDER, None])
def test_no_face(gender: Network[GenderCard] | None) -> None:
    none = {"age": crops(), "gender": crops(), "identity": crops()}
    assert AgeEstimator(AGE, gender).estimate(none) == []  # type: ignore[arg-type]


def test_the_age_network_s_own_gender_columns() -> None:
    both = Network(age_card(gender_bins=("female", "male")), TableEngine((0, 0, 1, 0.25, 0.75)))
    (found,) = AgeEstimator(both, None).estimate({"age": crops(0)})
    assert (found.age.mean, found.gender) == (30, GenderEstimate("male", 0.75))


def test_a_gender_network_replaces_the_age_network_s_own_columns() -> None:
    both = Network(age_card(gender_bins=("female", "male")), TableEngine((0, 0, 1, 0.25, 0.75)))
    (found,) = AgeEstimator(both, GENDER).estimate({"age": crops(0), "gender": crops(0)})
    assert found.gender == GenderEstimate("female", 0.875)


def test_the_card_s_age_spread_is_applied() -> None:
    spread = {"temperature": 0.5, "base_years": 0.01, "per_year": 0, "fitted_on": "nothing"}
    network = Network(age_card(age_spread=spread), TableEngine((0.2, 0.8, 0)))
    (found,) = AgeEstimator(network, None).estimate({"age": crops(0)})
    assert found.age.mean == pytest.approx((10 * 0.04 + 20 * 0.64) / 0.68, abs=1e-5)
    assert len(found.age.ages) == 121
