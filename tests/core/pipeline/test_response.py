"""Thresholds, choice of faces, decisions and warnings, with made-up faces."""

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from faceage_core.cards.model_card import OperatingPoint
from faceage_core.errors import InvalidArgument, NoFace
from faceage_core.models.bundles import Bundle, resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.options import CompareOptions
from faceage_core.pipeline.response import (
    ImageResult,
    Threshold,
    candidate_faces,
    compare_answer,
    faces_answer,
    models_answer,
    require_faces,
    resolve_threshold,
)
from faceage_core.pipeline.schema import CompareAnswer, WarningAnswer
from faceage_core.types import (
    AgeEstimate,
    Attributes,
    Box,
    Detection,
    Face,
    FaceChoice,
    GenderEstimate,
)

POINTS = (
    OperatingPoint(name="loose", threshold=0.4, measured_on="made up, n = 2"),
    OperatingPoint(name="strict", threshold=0.7, note="not measured"),
)


@pytest.fixture
def bundle() -> Bundle:
    plain = resolve(ModelOptions())
    return replace(plain, identity=plain.identity.model_copy(update={"operating_points": POINTS}))


def face(x1: float, y1: float, x2: float, y2: float, confidence: float = 0.99) -> Face:
    return Face(Box(x1, y1, x2, y2), tuple((x1 + i, y1 + i / 3) for i in range(5)), confidence)


def attributes(age: float = 40) -> Attributes:
    estimate = AgeEstimate(age, 2.5, (age - 3, age + 3.456), (0.0, age), (0.25, 0.75))
    return Attributes(estimate, GenderEstimate("female", 0.87654))


def photo(
    *faces: Face, ages: tuple[float, ...] = (), left_out: int = 0, name: str = "p"
) -> ImageResult:
    detection = Detection(400, 300, faces, {}, faces_left_out=left_out)
    ages = ages or (40,) * len(faces)
    return ImageResult(name, detection, [attributes(age) for age in ages])


def directions(*degrees: float) -> NDArray[np.float32]:
    """Embeddings whose similarities are the cosines of the angles between them."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


LARGE = face(100, 50, 300, 250)


def compared(
    bundle: Bundle,
    first: ImageResult | None = None,
    second: ImageResult | None = None,
    *,
    embeddings: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None,
    choice: FaceChoice = "largest",
    include: Collection[str] = (),
    threshold: Threshold = Threshold(0.5),
) -> CompareAnswer:
    photos = first or photo(LARGE), second or photo(LARGE)
    candidates = (
        candidate_faces(photos[0].detection, choice),
        candidate_faces(photos[1].detection, choice),
    )
    return compare_answer(
        photos,
        candidates,
        embeddings
        or (directions(*[0] * len(candidates[0])), directions(*[0] * len(candidates[1]))),
        choice=choice,
        include=include,
        threshold=threshold,
        bundle=bundle,
        request_id="r",
    )


# --- the threshold ---


def test_the_cards_first_operating_point_is_the_default(bundle: Bundle) -> None:
    assert resolve_threshold(bundle, CompareOptions()) == Threshold(0.4, "loose", measured=True)


def test_a_named_operating_point(bundle: Bundle) -> None:
    assert resolve_threshold(bundle, CompareOptions(operating_point="strict")) == Threshold(
        0.7, "strict", measured=False
    )


@pytest.mark.parametrize("value", [-1, 0, 0.123, 1])
def test_an_explicit_threshold(bundle: Bundle, value: float) -> None:
    assert resolve_threshold(bundle, CompareOptions(threshold=value)) == Threshold(
        value, None, measured=True
    )


def test_an_unknown_operating_point_is_rejected(bundle: Bundle) -> None:
    expected = f"one of those of {bundle.identity.name}: loose, strict, got 'lax'"
    with pytest.raises(InvalidArgument, match=expected) as e:
        resolve_threshold(bundle, CompareOptions(operating_point="lax"))
    assert e.value.field == "operating_point"


def test_a_model_without_operating_points_needs_a_threshold(bundle: Bundle) -> None:
    bare = replace(bundle, identity=bundle.identity.model_copy(update={"operating_points": ()}))
    with pytest.raises(InvalidArgument, match="none"):
        resolve_threshold(bare, CompareOptions())
    assert resolve_threshold(bare, CompareOptions(threshold=0.3)).value == 0.3


# --- which faces ---


def test_a_photo_without_a_face_is_named() -> None:
    with pytest.raises(NoFace, match="image_2: no face") as caught:
        require_faces(photo().detection, "image_2")
    assert caught.value.field == "image_2"
    require_faces(photo(LARGE).detection, "image_2")


def test_largest_center_and_all() -> None:
    faces = (face(0, 0, 150, 150), face(230, 180, 330, 280), face(180, 120, 210, 160))
    detection = photo(*faces).detection
    assert candidate_faces(detection, "largest") == [0]
    assert candidate_faces(detection, "center") == [2]  # the photo's centre is 200, 150
    assert candidate_faces(detection, "all") == [0, 1, 2]


def test_the_larger_of_two_equally_near_faces_is_the_center() -> None:
    faces = (face(90, 100, 190, 200), face(220, 110, 300, 190))
    assert [f.box.center for f in faces] == [(140, 150), (260, 150)]
    assert candidate_faces(photo(*faces).detection, "center") == [0]


def test_the_chosen_faces_are_in_the_answer(bundle: Bundle) -> None:
    faces = (face(0, 0, 150, 150), face(160, 100, 240, 200))
    two = photo(*faces, ages=(70, 20))
    answer = compared(bundle, two, photo(LARGE), choice="center", include=["photos"])
    assert (answer.face_1.index, answer.face_1.age_prediction) == (1, 20)
    assert answer.photos is not None
    assert answer.face_1 == answer.photos.image_1.faces[1]
    assert compared(bundle, two, photo(LARGE)).face_1.age_prediction == 70


# --- the decision ---


@pytest.mark.parametrize(("threshold", "matches"), [(0.5, True), (0.500001, False), (-1, True)])
def test_a_similarity_at_the_threshold_matches(
    bundle: Bundle, threshold: float, matches: bool
) -> None:
    answer = compared(
        bundle, embeddings=(directions(0), directions(60)), threshold=Threshold(threshold, "loose")
    )
    decision = answer.verification
    assert decision.similarity_score == 0.5
    assert decision.is_match is matches
    assert (decision.threshold_used, decision.operating_point) == (threshold, "loose")
    assert answer.matching is None


def test_all_faces_are_compared_with_all(bundle: Bundle) -> None:
    first = photo(LARGE, face(0, 0, 50, 60), ages=(30, 31))
    second = photo(face(10, 10, 80, 90), face(200, 200, 250, 260), LARGE, ages=(50, 51, 52))
    answer = compared(
        bundle,
        first,
        second,
        embeddings=(directions(0, 90), directions(60, 100, 180)),
        choice="all",
        threshold=Threshold(0.9),
    )
    assert answer.matching is not None
    rows = answer.matching.similarity_matrix
    np.testing.assert_allclose(rows, np.cos(np.radians([[60, 100, 180], [30, 10, 90]])), atol=2e-6)
    pairs = [(pair.face_1, pair.face_2, pair.is_match) for pair in answer.matching.assignment]
    assert pairs == [(1, 1, True), (0, 0, False)]
    assert (answer.face_1.age_prediction, answer.face_2.age_prediction) == (31, 51)
    assert answer.verification.similarity_score == answer.matching.assignment[0].similarity_score
    assert answer.verification.is_match


def test_the_answer_names_photos_models_and_request(bundle: Bundle) -> None:
    answer = compared(bundle, photo(LARGE, name="old.jpg"), photo(LARGE, name="new.jpg"))
    assert (answer.image_1, answer.image_2) == ("old.jpg", "new.jpg")
    size = answer.detections.image_1
    assert (size.width, size.height, size.face_count) == (400, 300, 1)
    assert answer.request_id == "r"
    assert answer.models == models_answer(bundle, compared=True)


# --- one face's figures ---


def test_boxes_are_clipped_to_the_photo_and_landmarks_are_not(bundle: Bundle) -> None:
    one = Face(Box(-20.04, 10.26, 450.0, 299.96), ((-3.33, 5.0),) * 5, 0.987654)
    found = compared(bundle, photo(one), include=["landmarks"]).face_1
    assert found.bbox == (0, 10.3, 400, 300.0)
    assert found.landmarks == ((-3.3, 5.0),) * 5
    assert found.detection_confidence == 0.9877


def test_figures_are_rounded_for_reading(bundle: Bundle) -> None:
    one = photo(LARGE, ages=(40.126,))
    answer = faces_answer(one, include=["age_distribution"], bundle=bundle, request_id="r")
    (found,) = answer.image.faces
    assert found.age_prediction == 40.13
    assert found.age_interval_80 == (37.13, 43.58)
    assert found.age_std == 2.5
    assert found.gender is not None
    assert (found.gender.label, found.gender.probability) == ("female", 0.8765)
    assert found.age_distribution is not None
    assert found.age_distribution.ages_years == (0, 40.126)
    assert found.age_distribution.probabilities == (0.25, 0.75)


def test_a_face_without_gender(bundle: Bundle) -> None:
    one = photo(LARGE)
    plain = replace(one, attributes=[replace(one.attributes[0], gender=None)])
    assert faces_answer(plain, bundle=bundle, request_id="r").image.faces[0].gender is None


def test_a_photo_without_faces_gives_an_empty_answer(bundle: Bundle) -> None:
    answer = faces_answer(photo(name="sea.jpg"), bundle=bundle, request_id="r")
    assert (answer.image.name, answer.image.faces, answer.warnings) == ("sea.jpg", (), ())
    assert answer.models.identity is None


# --- what is included ---


@pytest.mark.parametrize(
    "include",
    [(), ("age_distribution",), ("landmarks",), ("photos",), ("photos", "landmarks")],
    ids=str,
)
def test_a_field_that_was_not_asked_for_is_null(bundle: Bundle, include: tuple[str, ...]) -> None:
    first = photo(LARGE, face(0, 0, 50, 50))
    compare = compared(bundle, first, include=include)
    faces = faces_answer(first, include=include, bundle=bundle, request_id="r").image.faces
    in_photos = compare.photos.image_1.faces if compare.photos else ()

    assert (compare.photos is not None) == ("photos" in include)
    assert len(in_photos) == (2 if "photos" in include else 0)
    for one in (compare.face_1, compare.face_2, *faces, *in_photos):
        assert (one.age_distribution is not None) == ("age_distribution" in include)
        assert (one.landmarks is not None) == ("landmarks" in include)


def test_what_is_included_changes_nothing_else(bundle: Bundle) -> None:
    first = photo(LARGE, face(0, 0, 30, 30), ages=(9, 70), left_out=2)
    added = {"age_distribution", "landmarks", "photos"}
    plain, full = compared(bundle, first), compared(bundle, first, include=added)

    absent = {"age_distribution": None, "landmarks": None}
    faces = {"face_1": full.face_1, "face_2": full.face_2}
    faces = {name: one.model_copy(update=absent) for name, one in faces.items()}
    assert full.model_copy(update={"photos": None, **faces}) == plain
    assert codes(plain.warnings) == [
        ("several_faces", "image_1"),
        ("faces_left_out", "image_1"),
        ("child_face", "image_1"),
        ("age_gap", None),
    ]


# --- warnings ---


def codes(warnings: tuple[WarningAnswer, ...]) -> list[tuple[str, str | None]]:
    return [(warning.code, warning.image) for warning in warnings]


def test_a_clear_comparison_has_no_warning(bundle: Bundle) -> None:
    assert compared(bundle).warnings == ()
    assert faces_answer(photo(LARGE, LARGE), bundle=bundle, request_id="r").warnings == ()


NO_WARNING: dict[str, Any] = {
    "at 16 years": {"first": photo(LARGE, ages=(16,)), "second": photo(LARGE, ages=(20,))},
    "20 years apart": {"first": photo(LARGE, ages=(20,)), "second": photo(LARGE, ages=(40,))},
    "confidence 0.95": {"first": photo(face(100, 50, 300, 250, 0.95))},
    "40 pixels": {"second": photo(face(100, 50, 140, 90))},
    "not the face compared": {
        "first": photo(LARGE, face(0, 0, 9, 9, 0.1), ages=(40, 3)),
        "only": [("several_faces", "image_1")],
    },
}


@pytest.mark.parametrize("case", NO_WARNING.values(), ids=NO_WARNING)
def test_at_the_limit_there_is_no_warning(bundle: Bundle, case: dict[str, Any]) -> None:
    expected = case.get("only", [])
    photos = {key: value for key, value in case.items() if key != "only"}
    assert codes(compared(bundle, **photos).warnings) == expected


ONE_WARNING: dict[str, tuple[dict[str, Any], tuple[str, str | None], str]] = {
    "child": (
        {"second": photo(LARGE, ages=(15.99,)), "first": photo(LARGE, ages=(20,))},
        ("child_face", "image_2"),
        "image_2, face 0 looks 16 years old",
    ),
    "gap": (
        {"first": photo(LARGE, ages=(60.02,))},
        ("age_gap", None),
        "20 years apart",
    ),
    "confidence": (
        {"first": photo(face(100, 50, 300, 250, 0.94))},
        ("low_detection_confidence", "image_1"),
        "probability 0.94",
    ),
    "small": (
        {"second": photo(face(100, 50, 180, 89))},
        ("small_face", "image_2"),
        "80 x 39 pixels",
    ),
    "several": (
        {"first": photo(LARGE, face(0, 0, 50, 50))},
        ("several_faces", "image_1"),
        r"image_1 shows 2 faces; face 0 was taken \(faces=largest\)",
    ),
    "left out": (
        {"second": photo(LARGE, left_out=3)},
        ("faces_left_out", "image_2"),
        "3 smaller faces",
    ),
    "threshold": (
        {"threshold": Threshold(0.7, "strict", measured=False)},
        ("threshold_not_measured", None),
        "not measured",
    ),
}


@pytest.mark.parametrize(("case", "code", "pattern"), ONE_WARNING.values(), ids=ONE_WARNING)
def test_each_problem_gives_one_warning(
    bundle: Bundle, case: dict[str, Any], code: tuple[str, str | None], pattern: str
) -> None:
    warnings = compared(bundle, **case).warnings
    assert codes(warnings) == [code]
    assert re.search(pattern, warnings[0].message)


def test_a_stand_in_age_model_gives_a_warning() -> None:
    stand_in = resolve(ModelOptions(bundle="facenet"))
    (warning,) = compared(stand_in).warnings
    assert warning.code == "age_model_of_other_bundle"
    assert "dlib-age" in warning.message


def test_all_faces_of_one_photo_are_checked(bundle: Bundle) -> None:
    crowd = photo(LARGE, face(0, 0, 30, 30), face(50, 50, 120, 120, 0.5), ages=(9, 40, 40))
    warnings = faces_answer(crowd, bundle=bundle, request_id="r").warnings
    assert codes(warnings) == [
        ("child_face", "image"),
        ("small_face", "image"),
        ("low_detection_confidence", "image"),
    ]
    assert "face 2" in warnings[2].message
