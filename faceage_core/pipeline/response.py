"""From the stages' results to the answer: pure functions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceage_core.cards.model_card import BaseCard
from faceage_core.errors import InvalidArgument, NoFace
from faceage_core.identity.matching import best_assignment, similarity_matrix
from faceage_core.models.bundles import Bundle
from faceage_core.pipeline.options import CompareOptions
from faceage_core.pipeline.schema import (
    AgeDistributionAnswer,
    CompareAnswer,
    DetectionAnswer,
    DetectionsAnswer,
    FaceAnswer,
    FacesAnswer,
    GenderAnswer,
    MatchingAnswer,
    ModelAnswer,
    ModelsAnswer,
    PairAnswer,
    PhotoAnswer,
    PhotosAnswer,
    VerificationAnswer,
)
from faceage_core.pipeline.warnings import choice_warnings, comparison_warnings, image_warnings
from faceage_core.types import Attributes, Box, Detection, FaceChoice


@dataclass(frozen=True)
class Threshold:
    """The similarity that decides.

    Attributes:
        value: similarities at or above it count as the same person.
        operating_point: its name in the card; None for an explicit threshold.
        measured: whether the card states on which data it was measured.
    """

    value: float
    operating_point: str | None = None
    measured: bool = True


@dataclass(frozen=True)
class ImageResult:
    """The stages' results for one image.

    Attributes:
        name: the image's name in the answer.
        detection: its faces.
        attributes: ages and genders, one entry for each face.
        fields: by name, additional fields of the answer: one JSON value for each face.
    """

    name: str
    detection: Detection
    attributes: Sequence[Attributes]
    fields: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def resolve_threshold(bundle: Bundle, options: CompareOptions) -> Threshold:
    """Choose the threshold: explicit, from a named operating point, or the card's first one.

    Raises:
        InvalidArgument: the identity model's card has no such operating point.
    """
    if options.threshold is not None:
        return Threshold(options.threshold)
    point = bundle.identity.operating_point(options.operating_point)
    if point is None:
        names = ", ".join(point.name for point in bundle.identity.operating_points) or "none"
        raise InvalidArgument(
            f"operating_point must be one of those of {bundle.identity.name}: {names}, got "
            f"{options.operating_point!r}",
            field="operating_point",
        )
    return Threshold(point.threshold, point.name, measured=point.measured_on is not None)


def require_faces(detection: Detection, field: str) -> None:
    """Refuse an image without a face.

    Raises:
        NoFace: naming the image.
    """
    if not detection.faces:
        raise NoFace(f"{field}: no face was found in this photo", field=field)


def candidate_faces(detection: Detection, choice: FaceChoice) -> list[int]:
    """Choose the faces to compare, as indices into the image's list.

    Args:
        detection: at least one face, the largest first.
        choice: the largest box, the box whose centre is nearest the image's, or every face.
    """
    if choice == "all":
        return list(range(len(detection.faces)))
    if choice == "largest":
        return [0]
    x, y = detection.width / 2, detection.height / 2
    centers = [face.box.center for face in detection.faces]
    distances = [(cx - x) ** 2 + (cy - y) ** 2 for cx, cy in centers]
    return [int(np.argmin(distances))]


def compare_answer(
    images: tuple[ImageResult, ImageResult],
    candidates: tuple[list[int], list[int]],
    embeddings: tuple[NDArray[np.float32], NDArray[np.float32]],
    *,
    choice: FaceChoice,
    include: Collection[str] = (),
    threshold: Threshold,
    bundle: Bundle,
    request_id: str,
) -> CompareAnswer:
    """Decide, and build the answer.

    Args:
        images: both with at least one face.
        candidates: for each image the indices of the faces that were embedded.
        embeddings: of those, [N, D] and [M, D] float32 rows of length 1.
        choice: how the candidates were chosen.
        include: what to add to the answer, see `CompareOptions.include`.
        threshold: the decision threshold.
        bundle: the cards of the models that ran.
        request_id: the request's id in the answer.
    """
    similarities = similarity_matrix(*embeddings)
    pairs = [
        PairAnswer(
            face_1=candidates[0][pair.face_1],
            face_2=candidates[1][pair.face_2],
            similarity_score=pair.similarity,
            is_match=pair.similarity >= threshold.value,
        )
        for pair in best_assignment(similarities)
    ]
    best = pairs[0]
    first, second = images
    face_1 = _face_answer(first, best.face_1, include)
    face_2 = _face_answer(second, best.face_2, include)
    return CompareAnswer(
        request_id=request_id,
        image_1=first.name,
        image_2=second.name,
        face_1=face_1,
        face_2=face_2,
        verification=VerificationAnswer(
            is_match=best.is_match,
            similarity_score=best.similarity_score,
            threshold_used=threshold.value,
            operating_point=threshold.operating_point,
        ),
        matching=MatchingAnswer(
            similarity_matrix=tuple(tuple(row) for row in similarities.tolist()),
            assignment=tuple(pairs),
        )
        if choice == "all"
        else None,
        detections=DetectionsAnswer(
            image_1=_detection_answer(first.detection),
            image_2=_detection_answer(second.detection),
        ),
        photos=PhotosAnswer(
            image_1=photo_answer(first, include), image_2=photo_answer(second, include)
        )
        if "photos" in include
        else None,
        models=models_answer(bundle, compared=True),
        warnings=(
            *choice_warnings(first.detection, "image_1", face_1, choice),
            *image_warnings(first.detection, "image_1", (face_1,)),
            *choice_warnings(second.detection, "image_2", face_2, choice),
            *image_warnings(second.detection, "image_2", (face_2,)),
            *comparison_warnings(face_1, face_2, bundle, measured=threshold.measured),
        ),
    )


def faces_answer(
    image: ImageResult, *, include: Collection[str] = (), bundle: Bundle, request_id: str
) -> FacesAnswer:
    """Build the answer for one image; its list of faces may be empty.

    Args:
        image: may have no face.
        include: what to add to the answer, see `FacesOptions.include`.
        bundle: the cards of the models that ran.
        request_id: the request's id in the answer.
    """
    answer = photo_answer(image, include)
    return FacesAnswer(
        request_id=request_id,
        image=answer,
        models=models_answer(bundle, compared=False),
        warnings=tuple(image_warnings(image.detection, "image", answer.faces)),
    )


def photo_answer(image: ImageResult, include: Collection[str] = ()) -> PhotoAnswer:
    """One image with all its faces; numbers are rounded for reading."""
    detection = image.detection
    return PhotoAnswer(
        name=image.name,
        width=detection.width,
        height=detection.height,
        faces=tuple(_face_answer(image, index, include) for index in range(len(detection.faces))),
    )


def _detection_answer(detection: Detection) -> DetectionAnswer:
    return DetectionAnswer(
        width=detection.width, height=detection.height, face_count=len(detection.faces)
    )


def _face_answer(image: ImageResult, index: int, include: Collection[str]) -> FaceAnswer:
    detection, face = image.detection, image.detection.faces[index]
    age, gender = image.attributes[index].age, image.attributes[index].gender
    low, high = age.interval_80
    return FaceAnswer(
        index=index,
        age_prediction=round(age.mean, 2),
        age_std=round(age.std, 2),
        age_interval_80=(round(low, 2), round(high, 2)),
        age_distribution=AgeDistributionAnswer(
            ages_years=age.ages,
            probabilities=tuple(round(p, 5) for p in age.probabilities),
        )
        if "age_distribution" in include
        else None,
        gender=GenderAnswer(label=gender.label, probability=round(gender.probability, 4))
        if gender
        else None,
        bbox=_clipped_box(face.box, detection.width, detection.height),
        landmarks=tuple((round(x, 1), round(y, 1)) for x, y in face.landmarks)
        if "landmarks" in include
        else None,
        detection_confidence=round(face.confidence, 4),
        **{name: values[index] for name, values in image.fields.items()},
    )


def _clipped_box(box: Box, width: int, height: int) -> tuple[float, float, float, float]:
    """The part of the box inside the image, rounded to a tenth of a pixel."""
    return (
        round(min(max(box.x1, 0.0), width), 1),
        round(min(max(box.y1, 0.0), height), 1),
        round(min(max(box.x2, 0.0), width), 1),
        round(min(max(box.y2, 0.0), height), 1),
    )


def models_answer(bundle: Bundle, *, compared: bool) -> ModelsAnswer:
    """The models that produced the answer; `compared`: whether the identity model was used."""
    return ModelsAnswer(
        bundle=bundle.name,
        detector=_model_answer(bundle.detector),
        age=_model_answer(bundle.age),
        gender=_model_answer(bundle.gender) if bundle.gender else None,
        identity=_model_answer(bundle.identity) if compared else None,
    )


def _model_answer(card: BaseCard) -> ModelAnswer:
    return ModelAnswer(name=card.name, version=card.version, license=card.license)
