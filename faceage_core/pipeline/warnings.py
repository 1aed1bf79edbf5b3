"""The warnings of an answer: reasons to trust it less."""

from collections.abc import Iterator, Sequence
from typing import Literal

from faceage_core.models.bundles import Bundle
from faceage_core.pipeline.schema import FaceAnswer, WarningAnswer
from faceage_core.types import Detection, FaceChoice

CHILD_YEARS = 16.0  # below this apparent age
AGE_GAP_YEARS = 20.0  # beyond this difference of apparent ages
LOW_CONFIDENCE = 0.95  # a detector's probability below this
SMALL_FACE_PX = 40.0  # a box whose shorter side is below this

ImageField = Literal["image_1", "image_2", "image"]


def image_warnings(
    detection: Detection, field: ImageField, faces: Sequence[FaceAnswer]
) -> Iterator[WarningAnswer]:
    """Warnings about one image.

    Args:
        detection: all faces of the image.
        field: the image's name in the request.
        faces: the faces to check.
    """
    if detection.faces_left_out:
        yield WarningAnswer(
            code="faces_left_out",
            message=f"{field} shows {detection.faces_left_out} smaller faces beyond the largest "
            f"{len(detection.faces)}; they were left out",
            image=field,
        )
    for face in faces:
        yield from _face_warnings(face, field)


def choice_warnings(
    detection: Detection, field: ImageField, face: FaceAnswer, choice: FaceChoice
) -> Iterator[WarningAnswer]:
    """Warnings about the choice of the compared face among all faces of its image."""
    if len(detection.faces) > 1:
        yield WarningAnswer(
            code="several_faces",
            message=f"{field} shows {len(detection.faces)} faces; face {face.index} was taken "
            f"(faces={choice})",
            image=field,
        )


def _face_warnings(face: FaceAnswer, field: ImageField) -> Iterator[WarningAnswer]:
    where = f"{field}, face {face.index}"
    x1, y1, x2, y2 = face.bbox
    if face.age_prediction < CHILD_YEARS:
        yield WarningAnswer(
            code="child_face",
            message=f"{where} looks {face.age_prediction:.0f} years old; "
            "verification is weak on children",
            image=field,
        )
    if face.detection_confidence < LOW_CONFIDENCE:
        yield WarningAnswer(
            code="low_detection_confidence",
            message=f"{where} is a face with probability {face.detection_confidence:.2f} only",
            image=field,
        )
    if min(x2 - x1, y2 - y1) < SMALL_FACE_PX:
        yield WarningAnswer(
            code="small_face",
            message=f"{where} is {x2 - x1:.0f} x {y2 - y1:.0f} pixels; below "
            f"{SMALL_FACE_PX:.0f} ages and similarities are unreliable",
            image=field,
        )


def comparison_warnings(
    face_1: FaceAnswer, face_2: FaceAnswer, bundle: Bundle, *, measured: bool
) -> Iterator[WarningAnswer]:
    """Warnings about the comparison itself."""
    gap = abs(face_1.age_prediction - face_2.age_prediction)
    if gap > AGE_GAP_YEARS:
        yield WarningAnswer(
            code="age_gap",
            message=f"the faces look {gap:.0f} years apart; verification is weak across more than "
            f"{AGE_GAP_YEARS:.0f} years",
        )
    if not measured:
        yield WarningAnswer(
            code="threshold_not_measured",
            message=f"the default threshold of {bundle.identity.name} was taken over, not measured",
        )
    if bundle.age_is_stand_in:
        yield WarningAnswer(
            code="age_model_of_other_bundle",
            message=f"no age checkpoint was given, so ages come from {bundle.age.name}",
        )
