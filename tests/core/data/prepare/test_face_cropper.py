"""The subject of an image and its crop."""

import numpy as np
import pytest

from faceage_core.data.prepare.face_cropper import FaceCropper
from faceage_core.data.training_crop import training_crop
from faceage_core.errors import NoFace
from faceage_core.types import Box, Face


def face_at(x: float, y: float, size: float = 40) -> Face:
    box = Box(x - size / 2, y - size / 2, x + size / 2, y + size / 2)
    offsets = ((-0.2, -0.2), (0.2, -0.2), (0, 0), (-0.17, 0.18), (0.17, 0.18))
    return Face(box, tuple((x + dx * size, y + dy * size) for dx, dy in offsets), 0.99)


class Faces:
    """A detector that returns the given faces, one list for each call."""

    def __init__(self, *found: list[Face]) -> None:
        self.found = list(found)

    def __call__(self, images: object) -> list[list[Face]]:
        return [self.found.pop(0)]


CROP = training_crop(48, 0.25)


def test_the_subject_is_the_face_nearest_the_center_or_the_box() -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    faces = [face_at(60, 60, 90), face_at(160, 110)]

    def crop(found: list[Face], box: Box | None) -> np.ndarray:
        return FaceCropper(Faces(found), CROP).crop(image, box)

    middle, boxed = crop(faces, None), crop(faces, Box(20, 20, 110, 110))
    assert np.array_equal(middle, crop(faces[1:], None))
    assert np.array_equal(boxed, crop(faces[:1], Box(20, 20, 110, 110)))
    assert not np.array_equal(middle, boxed)
    with pytest.raises(NoFace, match="in the box"):
        FaceCropper(Faces(faces, []), CROP).crop(image, Box(250, 150, 290, 190))


def test_no_detected_face_is_an_error() -> None:
    with pytest.raises(NoFace, match="found no face"):
        FaceCropper(Faces([]), CROP).crop(np.zeros((80, 100, 3), np.uint8), None)
