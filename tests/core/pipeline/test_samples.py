"""The sample photos through all stages, with the shipped models."""

from itertools import combinations

import pytest
from PIL import Image

from faceage_core.images import decode
from faceage_core.pipeline import Pipeline
from tests.core.pipeline.photos import NAMES, OBAMA, picture


@pytest.mark.parametrize("pair", list(combinations(NAMES, 2)), ids="-".join)
def test_every_pair_of_samples_is_decided_correctly(
    pipeline: Pipeline, samples: dict[str, bytes], pair: tuple[str, str]
) -> None:
    answer = pipeline.compare(samples[pair[0]], samples[pair[1]], names=pair)
    assert answer.verification.is_match == (set(pair) <= OBAMA)
    default = pipeline.bundle.identity.operating_points[0]
    assert answer.verification.threshold_used == default.threshold
    assert answer.verification.operating_point == default.name
    assert (answer.image_1, answer.image_2) == pair


@pytest.mark.parametrize("name", NAMES)
def test_a_photo_matches_itself(pipeline: Pipeline, samples: dict[str, bytes], name: str) -> None:
    answer = pipeline.compare(samples[name], samples[name])
    assert answer.verification.similarity_score == 1
    assert answer.face_1 == answer.face_2


def test_every_sample_shows_one_adult(pipeline: Pipeline, samples: dict[str, bytes]) -> None:
    for name in NAMES:
        answer = pipeline.faces(samples[name], name=name, include="age_distribution")
        (face,) = answer.image.faces
        low, high = face.age_interval_80
        assert 18 < face.age_prediction < 90
        assert low < face.age_prediction < high
        assert face.age_distribution is not None
        assert sum(face.age_distribution.probabilities) == pytest.approx(1, abs=1e-3)
        assert face.gender is not None
        if name != "hopper_1984.jpg":  # wears a uniform and a cap; the network returns "male"
            assert face.gender.label == ("female" if name == "collins.png" else "male")


def test_the_order_of_the_photos_does_not_change_the_result(
    pipeline: Pipeline, samples: dict[str, bytes]
) -> None:
    one, other = samples["obama_2009.jpg"], samples["hopper_1984.jpg"]
    forward, backward = pipeline.compare(one, other), pipeline.compare(other, one)
    assert (forward.face_1, forward.face_2) == (backward.face_2, backward.face_1)
    assert forward.verification == backward.verification


def test_two_people_in_each_photo_are_assigned_correctly(
    pipeline: Pipeline, samples: dict[str, bytes]
) -> None:
    a, b, c = (
        Image.fromarray(decode(samples[name])).resize((300, 360))
        for name in ("hopper_1984.jpg", "obama_2009.jpg", "obama_2012.jpg")
    )
    first, second = Image.new("RGB", (600, 360)), Image.new("RGB", (600, 360))
    first.paste(a, (0, 0))
    first.paste(b, (300, 0))
    second.paste(c, (0, 0))
    second.paste(a, (300, 0))
    answer = pipeline.compare(
        picture(first, "PNG"), picture(second, "PNG"), faces="all", include="photos"
    )
    assert answer.matching is not None
    assert answer.photos is not None
    assert [pair.is_match for pair in answer.matching.assignment] == [True, True]
    assert answer.verification.similarity_score > 0.95  # one photo at two places
    for pair in answer.matching.assignment:
        left = answer.photos.image_1.faces[pair.face_1].bbox[0] < 300
        assert left != (answer.photos.image_2.faces[pair.face_2].bbox[0] < 300)
