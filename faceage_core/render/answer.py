"""The annotated picture of a `CompareAnswer`."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from faceage_core.images import ImageSource, load_pixels
from faceage_core.pipeline.schema import CompareAnswer, FaceAnswer
from faceage_core.render import FaceLabel, Panel, Verdict, encode_jpeg, render_comparison
from faceage_core.types import Box


def annotate_comparison(answer: CompareAnswer, image_1: ImageSource, image_2: ImageSource) -> bytes:
    """Draw both photos with the ages of their faces, and the verdict.

    Args:
        answer: the result of comparing the two photos. If it has `photos` (see the option
            `include`), all faces are drawn, otherwise the two compared ones.
        image_1: the first photo, as for `Pipeline.compare`.
        image_2: the second photo.

    Returns:
        A JPEG without metadata.
    """
    faces_1: Sequence[FaceAnswer] = (answer.face_1,)
    faces_2: Sequence[FaceAnswer] = (answer.face_2,)
    if answer.photos is not None:
        faces_1, faces_2 = answer.photos.image_1.faces, answer.photos.image_2.faces
    picture = render_comparison(
        _panel(load_pixels(image_1, "image_1"), answer.image_1, faces_1, answer.face_1),
        _panel(load_pixels(image_2, "image_2"), answer.image_2, faces_2, answer.face_2),
        Verdict(
            is_match=answer.verification.is_match,
            similarity=answer.verification.similarity_score,
            threshold=answer.verification.threshold_used,
        ),
    )
    return encode_jpeg(picture)


def _panel(
    image: NDArray[np.uint8], name: str, faces: Sequence[FaceAnswer], chosen: FaceAnswer
) -> Panel:
    labels = (
        FaceLabel(Box(*face.bbox), _age_text(face), face.index == chosen.index) for face in faces
    )
    return Panel(image=image, caption=name, labels=tuple(labels))


def _age_text(face: FaceAnswer) -> str:
    low, high = face.age_interval_80
    return f"{face.age_prediction:.0f} y ({low:.0f}-{high:.0f})"
