"""Ages and genders of faces, with networks small enough to work out."""

import numpy as np
import pytest
from numpy.typing import NDArray

from faceage_core.age.estimator import AgeEstimator
from faceage_core.cards.schema import InputSpec, ModelCard
from faceage_core.detection.crops import BoxCrop
from faceage_core.errors import InvalidCheckpoint
from faceage_core.inference.model import Network

AGES = (10.0, 20.0, 30.0)


class Reader:
    """Outputs one row a crop: the row that the crop's first red pixel picks from a table."""

    def __init__(self, *rows: tuple[float, ...]) -> None:
        self.rows = np.array(rows, np.float32)

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        return (self.rows[batch[:, 0, 0, 0].astype(int)],)


def card(task: str, **fields: object) -> ModelCard:
    plain = InputSpec(crop=BoxCrop(size_px=2, margin_px=0), mean=(0, 0, 0), scale=(1, 1, 1))
    return ModelCard.model_validate(
        {
            "name": f"tiny-{task}",
            "version": "1",
            "task": task,
            "summary": "for tests",
            "architecture": "tiny",
            "weights": (),
            "origin": "made here",
            "license": "CC0-1.0",
            "input": plain,
            **fields,
        }
    )


def crops(*values: int) -> NDArray[np.uint8]:
    return np.array(values, np.uint8)[:, None, None, None].repeat(2, 1).repeat(2, 2).repeat(3, 3)


AGE = Network(card("age", age_bins_years=AGES), Reader((1, 0, 0), (0, 0, 1), (0.25, 0.5, 0.25)))
GENDER = Network(
    card("gender", gender_bins=("female", "male")), Reader((0.875, 0.125), (0.375, 0.625))
)


def test_every_face_in_its_place() -> None:
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
def test_no_face(gender: Network | None) -> None:
    none = {"age": crops(), "gender": crops(), "identity": crops()}
    assert AgeEstimator(AGE, gender).estimate(none) == []  # type: ignore[arg-type]


def test_a_card_without_age_bins_is_refused() -> None:
    with pytest.raises(InvalidCheckpoint, match="tiny-age states no age bins"):
        AgeEstimator(Network(card("age"), Reader((1,))), None)


def test_a_card_without_input_is_refused() -> None:
    with pytest.raises(InvalidCheckpoint, match="tiny-age states no input"):
        Network(card("age", input=None), Reader((1,)))


def test_what_the_card_says_of_the_distribution_is_done_to_it() -> None:
    spread = {"temperature": 0.5, "base_years": 0.01, "per_year": 0, "fitted_on": "nothing"}
    network = Network(card("age", age_bins_years=AGES, age_spread=spread), Reader((0.2, 0.8, 0)))
    (found,) = AgeEstimator(network, None).estimate({"age": crops(0)})
    assert found.age.mean == pytest.approx((10 * 0.04 + 20 * 0.64) / 0.68, abs=1e-5)
    assert len(found.age.ages) == 121
