"""Check that the service and the baseline script give the same answer for each pair."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.baseline import BaselineAnswer, BaselineFace
from benchmarks.load_generator import Reply
from faceage_core.types import Box, Face

MIN_IOU = 0.99
MAX_AGE_DIFFERENCE_YEARS = 0.05  # the service rounds to 0.01
MAX_SIMILARITY_DIFFERENCE = 0.005


@dataclass(frozen=True)
class Equivalence:
    """The differences between the answers to the same pairs.

    Attributes:
        compared: the number of answers compared.
        without_face: the number of pairs for which both sides found no face in a photo.
        low_confidence: the number of answers not compared because the script's face has a lower
            probability than the threshold in the detector's card; the service may have dropped
            this face and used another.
        unequal: the number of answers outside the tolerances or given by one side only; must be 0.
        min_iou: the smallest overlap of the two boxes of a face.
        max_age_difference_years: the largest difference of an age.
        max_similarity_difference: the largest difference of a similarity.
        age_range_years: the smallest and the largest age given by the script.
        similarity_range: the smallest and the largest similarity given by the script.
    """

    compared: int
    without_face: int
    low_confidence: int
    unequal: int
    min_iou: float
    max_age_difference_years: float
    max_similarity_difference: float
    age_range_years: tuple[float, float]
    similarity_range: tuple[float, float]

    @property
    def equal(self) -> bool:
        return self.unequal == 0

    def summary(self) -> str:
        """The numbers of answers and the largest differences, as text."""
        verdict = "equal" if self.equal else f"NOT EQUAL in {self.unequal} cases"
        return (
            f"answers {verdict}: {self.compared} compared with the script's; "
            f"smallest IoU {self.min_iou:.4f}, "
            f"largest difference of an age {self.max_age_difference_years:.4f} years, "
            f"of a similarity {self.max_similarity_difference:.6f}\n"
            f"script: ages {_range(self.age_range_years, 1)}, "
            f"similarities {_range(self.similarity_range, 2)}; "
            f"not compared: {self.without_face} without a face on both sides, "
            f"{self.low_confidence} with a low-confidence face in the script"
        )


@dataclass(frozen=True)
class _Difference:
    iou: float
    age_years: float
    similarity: float

    @property
    def within_tolerance(self) -> bool:
        return (
            self.iou >= MIN_IOU
            and self.age_years <= MAX_AGE_DIFFERENCE_YEARS
            and self.similarity <= MAX_SIMILARITY_DIFFERENCE
        )


def check_equivalence(
    script: Sequence[BaselineAnswer | None], service: Sequence[Reply], *, min_confidence: float
) -> Equivalence:
    """Compare the answers to the same pairs.

    Args:
        script: the script's answers, None where a photo has no face.
        service: the service's replies in the same order.
        min_confidence: the detector's threshold, from its card.

    Raises:
        ValueError: no answer is left to compare.
    """
    without_face = one_sided = low_confidence = 0
    compared: list[BaselineAnswer] = []
    differences: list[_Difference] = []
    for expected, reply in zip(script, service, strict=True):
        no_face = reply.status == 422 and reply.body["code"] == "no_face"
        if expected is None or reply.status != 200:
            without_face += expected is None and no_face
            one_sided += not (expected is None and no_face)
        elif _confidence(expected) < min_confidence:
            low_confidence += 1
        else:
            compared.append(expected)
            differences.append(_difference(expected, reply.body))
    if not differences:
        raise ValueError(f"none of {len(script)} pairs can be compared")
    ages = [face.age for answer in compared for face in (answer.face_1, answer.face_2)]
    similarities = [answer.similarity for answer in compared]
    return Equivalence(
        compared=len(compared),
        without_face=without_face,
        low_confidence=low_confidence,
        unequal=one_sided + sum(not difference.within_tolerance for difference in differences),
        min_iou=min(difference.iou for difference in differences),
        max_age_difference_years=max(difference.age_years for difference in differences),
        max_similarity_difference=max(difference.similarity for difference in differences),
        age_range_years=(min(ages), max(ages)),
        similarity_range=(min(similarities), max(similarities)),
    )


def _confidence(answer: BaselineAnswer) -> float:
    return min(answer.face_1.confidence, answer.face_2.confidence)


def _difference(expected: BaselineAnswer, body: dict[str, Any]) -> _Difference:
    faces = {"1": expected.face_1, "2": expected.face_2}
    return _Difference(
        iou=min(_iou_in_photo(face, body, n) for n, face in faces.items()),
        age_years=max(abs(f.age - body[f"face_{n}"]["age_prediction"]) for n, f in faces.items()),
        similarity=abs(expected.similarity - body["verification"]["similarity_score"]),
    )


def _iou_in_photo(face: BaselineFace, body: dict[str, Any], number: str) -> float:
    """The boxes' overlap; the service clips a box to the photo, the script does not."""
    photo = body["detections"][f"image_{number}"]
    box = Box(
        max(face.box.x1, 0.0),
        max(face.box.y1, 0.0),
        min(face.box.x2, photo["width"]),
        min(face.box.y2, photo["height"]),
    )
    return iou(box, Box(*body[f"face_{number}"]["bbox"]))


def _range(limits: tuple[float, float], digits: int) -> str:
    return " to ".join(f"{limit:.{digits}f}" for limit in limits)


def iou(a: Box, b: Box) -> float:
    """The intersection over union of two boxes."""
    width = max(0.0, min(a.x2, b.x2) - max(a.x1, b.x1))
    height = max(0.0, min(a.y2, b.y2) - max(a.y1, b.y1))
    shared = width * height
    return shared / (a.area + b.area - shared)


def compare_faces(
    found: Sequence[Sequence[Face]], exact: Sequence[Sequence[Face]]
) -> tuple[float, int]:
    """Compare the faces that two detectors found in the same photos.

    Returns:
        The smallest overlap of two boxes, over the photos with as many faces for both detectors;
        0 if there is none. And the number of the other photos.
    """
    same = [pair for pair in zip(found, exact, strict=True) if len(pair[0]) == len(pair[1])]
    overlaps = [iou(a.box, b.box) for one, other in same for a, b in zip(one, other, strict=True)]
    return min(overlaps, default=0), len(found) - len(same)
