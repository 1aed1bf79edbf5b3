"""Whether the service and the plain script answer the same, pair by pair."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.load import Reply
from benchmarks.plain import PlainAnswer, PlainFace
from faceage_core.types import Box

SMALLEST_IOU = 0.99
LARGEST_AGE_DIFFERENCE = 0.05  # years; the service rounds to 0.01
LARGEST_SIMILARITY_DIFFERENCE = 0.005


@dataclass(frozen=True)
class Agreement:
    """How far the answers to the same pairs lie apart.

    Attributes:
        answers: how many were compared.
        without_a_face: how many both sides refused besides: no face in one photo.
        doubtful: how many were left out, because the script took a face that is less probable than
            the detector's card calls confident, which the service may have dropped for another.
        unequal: answers outside the tolerances, and those that only one side gave; must be 0.
        least_iou: of the two boxes of a face, over all that were compared.
        worst_age: largest difference of an age, in years.
        worst_similarity: largest difference of a similarity.
        age_range: least and greatest age that the script gave, in years.
        similarity_range: least and greatest similarity, likewise.
    """

    answers: int
    without_a_face: int
    doubtful: int
    unequal: int
    least_iou: float
    worst_age: float
    worst_similarity: float
    age_range: tuple[float, float]
    similarity_range: tuple[float, float]

    @property
    def equal(self) -> bool:
        return self.unequal == 0

    def summary(self) -> str:
        """What was compared, and how far the answers lie apart."""
        verdict = "equal" if self.equal else f"NOT EQUAL in {self.unequal} cases"
        return (
            f"answers {verdict}: {self.answers} compared with the script's; smallest IoU "
            f"{self.least_iou:.4f}, largest difference of an age {self.worst_age:.4f} years, of a "
            f"similarity {self.worst_similarity:.6f}\n"
            f"(the script's ages span {_span(self.age_range, 1)}, its similarities "
            f"{_span(self.similarity_range, 2)}; {self.without_a_face} more were refused by both "
            f"for want of a face; {self.doubtful} left out, where the script took a doubtful face "
            "that the service drops)"
        )


@dataclass(frozen=True)
class _Distance:
    iou: float
    age: float
    similarity: float

    @property
    def small(self) -> bool:
        return (
            self.iou >= SMALLEST_IOU
            and self.age <= LARGEST_AGE_DIFFERENCE
            and self.similarity <= LARGEST_SIMILARITY_DIFFERENCE
        )


def agreement(
    script: Sequence[PlainAnswer | None], service: Sequence[Reply], *, confident: float
) -> Agreement:
    """Compare the answers to the same pairs.

    Args:
        script: the script's answers, None where a photo shows no face.
        service: the service's, in the same order.
        confident: the detector's threshold, from its card.

    Raises:
        ValueError: no pair is left to compare.
    """
    refused = unanswered = doubtful = 0
    plain: list[PlainAnswer] = []
    distances: list[_Distance] = []
    for expected, reply in zip(script, service, strict=True):
        missing = reply.status == 422 and reply.body["code"] == "no_face"
        if expected is None or reply.status != 200:
            refused += expected is None and missing
            unanswered += not (expected is None and missing)
        elif _doubtful(expected, confident):
            doubtful += 1
        else:
            plain.append(expected)
            distances.append(_distance(expected, reply.body))
    if not distances:
        raise ValueError(f"none of {len(script)} pairs can be compared")
    ages = [face.age for answer in plain for face in (answer.face_1, answer.face_2)]
    similarities = [answer.similarity for answer in plain]
    return Agreement(
        answers=len(distances),
        without_a_face=refused,
        doubtful=doubtful,
        unequal=unanswered + sum(not distance.small for distance in distances),
        least_iou=min(distance.iou for distance in distances),
        worst_age=max(distance.age for distance in distances),
        worst_similarity=max(distance.similarity for distance in distances),
        age_range=(min(ages), max(ages)),
        similarity_range=(min(similarities), max(similarities)),
    )


def _doubtful(answer: PlainAnswer, confident: float) -> bool:
    return min(answer.face_1.confidence, answer.face_2.confidence) < confident


def _distance(expected: PlainAnswer, body: dict[str, Any]) -> _Distance:
    faces = (expected.face_1, body, "1"), (expected.face_2, body, "2")
    return _Distance(
        iou=min(_iou_in_photo(*face) for face in faces),
        age=max(abs(face.age - body[f"face_{n}"]["age_prediction"]) for face, body, n in faces),
        similarity=abs(expected.similarity - body["verification"]["similarity_score"]),
    )


def _iou_in_photo(face: PlainFace, body: dict[str, Any], place: str) -> float:
    """The boxes' overlap; the service cuts a box off at the photo's edge, the script does not."""
    photo = body["photos"][f"image_{place}"]
    box = Box(
        max(face.box.x1, 0.0),
        max(face.box.y1, 0.0),
        min(face.box.x2, photo["width"]),
        min(face.box.y2, photo["height"]),
    )
    return _iou(box, Box(*body[f"face_{place}"]["bbox"]))


def _span(limits: tuple[float, float], digits: int) -> str:
    return " to ".join(f"{limit:.{digits}f}" for limit in limits)


def _iou(a: Box, b: Box) -> float:
    width = max(0.0, min(a.x2, b.x2) - max(a.x1, b.x1))
    height = max(0.0, min(a.y2, b.y2) - max(a.y1, b.y1))
    shared = width * height
    return shared / (a.area + b.area - shared)
