"""The picture of an answer: which faces it shows, and from which pixels."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from faceage_core.images import decode
from faceage_core.pipeline import Pipeline
from faceage_core.render.answer import annotate_comparison
from tests.core.pipeline.photos import picture
from tests.core.render.pixels import Pixels


def pixels(jpeg: bytes) -> Pixels:
    return np.asarray(Image.open(BytesIO(jpeg)))


@pytest.fixture(scope="module")
def crowd(samples: dict[str, bytes]) -> bytes:
    """Two faces of one person in a large photo."""
    one = Image.fromarray(decode(samples["hopper_1984.jpg"])).resize((1024, 1200))
    return picture(np.tile(np.asarray(one), (1, 2, 1)), "JPEG", quality=95)


def test_every_face_is_drawn_only_if_the_answer_includes_photos(
    pipeline: Pipeline, crowd: bytes
) -> None:
    plain = pipeline.compare(crowd, crowd)
    full = pipeline.compare(crowd, crowd, include="photos")
    assert plain.detections.image_1.face_count == 2

    two, four = (annotate_comparison(answer, crowd, crowd) for answer in (plain, full))
    changed = (pixels(two) != pixels(four)).any(axis=(0, 2)).nonzero()[0]
    chosen = plain.face_1.bbox[0] < 1024  # on the left
    assert len(changed) > 0
    half = pixels(two).shape[1] // 4
    assert (changed[0] >= half) == chosen


def test_a_jpeg_of_any_size_gives_the_picture_of_its_pixels(
    pipeline: Pipeline, crowd: bytes
) -> None:
    answer = pipeline.compare(crowd, crowd)
    from_file = pixels(annotate_comparison(answer, crowd, crowd))
    from_pixels = pixels(annotate_comparison(answer, decode(crowd), decode(crowd)))
    assert from_file.shape == from_pixels.shape
    assert np.abs(from_file.astype(int) - from_pixels).mean() < 2
