"""The readable JSON of an answer, and its schema."""

import json
import re

import pytest

from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.response import ImageResult, faces_answer
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer, readable_json
from faceage_core.types import AgeEstimate, Attributes, Box, Detection, Face


def answer(name: str = "photo.jpg", probabilities: tuple[float, ...] = (0.25, 0.75)) -> FacesAnswer:
    face = Face(
        Box(1.5, 2, 30, 40), ((1.0, 2.0), (3.0, 4.5), (-5.0, 6.0), (7.0, 8.0), (9.0, 0.0)), 1
    )
    ages = tuple(float(i) for i in range(len(probabilities)))
    age = AgeEstimate(40.5, 3, (30.25, 50), ages, probabilities)
    photo = ImageResult(name, Detection(50, 60, (face,), {}), [Attributes(age, None)])
    include = ("age_distribution", "landmarks")
    return faces_answer(photo, include=include, bundle=resolve(ModelOptions()), request_id="r")


@pytest.mark.parametrize(
    "name",
    [
        "photo.jpg",
        "photo [ 1 ].jpg",
        "[  1,   2 ]",
        "[\n 1,\n 2\n]",
        "[1,2]",
        'a "quoted" \\n name',
        "ünïcode 写真.jpg",
    ],
)
def test_readable_json_is_parsed_to_the_same_answer(name: str) -> None:
    made = answer(name)
    text = readable_json(made)
    assert FacesAnswer.model_validate_json(text) == made
    assert json.loads(text) == json.loads(made.model_dump_json())


def test_small_and_negative_numbers_are_parsed_to_the_same_values() -> None:
    made = answer(probabilities=(1e-5, 0.5, 0.0, 2e-05, 0.49997))
    assert FacesAnswer.model_validate_json(readable_json(made)) == made


def test_lists_of_numbers_are_on_one_line_and_the_rest_is_indented() -> None:
    text = readable_json(answer(probabilities=(0.01,) * 100))
    lines = [line.strip() for line in text.splitlines()]
    assert '"bbox": [1.5, 2.0, 30.0, 40.0],' in lines
    assert "[-5.0, 6.0]," in lines
    assert f'"probabilities": [{", ".join(["0.01"] * 100)}]' in lines
    assert not any(re.fullmatch(r"-?[\d.]+,?", line) for line in lines)
    assert len(lines) > 30


def test_the_core_fields_keep_their_names() -> None:
    fields = CompareAnswer.model_json_schema()
    assert {"image_1", "image_2", "face_1", "face_2", "verification"} <= set(fields["required"])
    names = fields["$defs"]
    assert {"age_prediction", "bbox"} <= set(names["FaceAnswer"]["required"])
    assert {"is_match", "similarity_score", "threshold_used"} <= set(
        names["VerificationAnswer"]["required"]
    )


def test_an_unknown_field_is_rejected() -> None:
    fields = json.loads(answer().model_dump_json())
    with pytest.raises(ValueError, match="colour"):
        FacesAnswer.model_validate({**fields, "colour": "blue"})
