"""The annotated picture of a `CompareAnswer`."""

from collections.abc import Sequence

from faceage_core.images import ImageSource, load_pixels
from faceage_core.pipeline.schema import CompareAnswer, DetectionAnswer, FaceAnswer
from faceage_core.render import FaceLabel, Panel, Verdict, encode_jpeg, render_comparison
from faceage_core.render.layout import Size, compute_layout, rect_size
from faceage_core.types import Box


def annotate_comparison(answer: CompareAnswer, image_1: ImageSource, image_2: ImageSource) -> bytes:
    """Draw both photos with the ages of their faces, and the verdict.

    Args:
        answer: the result of comparing the two photos. If it has `photos` (see the option
            `include`), all faces are drawn, otherwise the two compared ones.
        image_1: the first photo, as given to `Pipeline.compare`.
        image_2: the second photo.

    Returns:
        A JPEG without metadata.
    """
    faces_1: Sequence[FaceAnswer] = (answer.face_1,)
    faces_2: Sequence[FaceAnswer] = (answer.face_2,)
    if answer.photos is not None:
        faces_1, faces_2 = answer.photos.image_1.faces, answer.photos.image_2.faces
    size_1, size_2 = _size(answer.detections.image_1), _size(answer.detections.image_2)
    # Files are not decoded at a larger size than necessary; resizing takes less time as well.
    shown_1, shown_2 = map(rect_size, compute_layout(size_1, size_2).photos)
    picture = render_comparison(
        Panel(
            image=load_pixels(image_1, "image_1", least_side_px=max(shown_1)),
            caption=answer.image_1,
            labels=_labels(faces_1, answer.face_1),
            photo_size=size_1,
        ),
        Panel(
            image=load_pixels(image_2, "image_2", least_side_px=max(shown_2)),
            caption=answer.image_2,
            labels=_labels(faces_2, answer.face_2),
            photo_size=size_2,
        ),
        Verdict(
            is_match=answer.verification.is_match,
            similarity=answer.verification.similarity_score,
            threshold=answer.verification.threshold_used,
        ),
    )
    return encode_jpeg(picture)


def _size(detection: DetectionAnswer) -> Size:
    return detection.width, detection.height


def _labels(faces: Sequence[FaceAnswer], chosen: FaceAnswer) -> tuple[FaceLabel, ...]:
    return tuple(
        FaceLabel(Box(*face.bbox), _age_text(face), face.index == chosen.index) for face in faces
    )


def _age_text(face: FaceAnswer) -> str:
    low, high = face.age_interval_80
    return f"{face.age_prediction:.0f} y ({low:.0f}-{high:.0f})"
