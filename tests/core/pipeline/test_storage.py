"""A photo gives the same answer in every format and orientation; invalid photos give an error."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faceage_core.errors import NoFace, UnreadableImage
from faceage_core.images import decode
from faceage_core.pipeline import Pipeline
from tests.core.pipeline.photos import (
    BLANK,
    picture,
    without_id,
)

# From the upright picture to the stored one, for each EXIF orientation.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.fixture(scope="module")
def upright(samples: dict[str, bytes]) -> Image.Image:
    photo = Image.fromarray(decode(samples["hopper_1984.jpg"]))
    return photo.resize((256, 300), Image.Resampling.LANCZOS)


def turned(upright: Image.Image, orientation: int, kind: str, **options: Any) -> bytes:
    turn = STORED[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright if turn is None else upright.transpose(turn)
    return picture(stored, kind, exif=exif.tobytes(), **options)


@pytest.mark.parametrize("orientation", STORED)
def test_all_eight_orientations_give_the_same_faces(
    pipeline: Pipeline, upright: Image.Image, orientation: int
) -> None:
    expected = without_id(pipeline.faces(picture(upright, "PNG")))
    found = without_id(pipeline.faces(turned(upright, orientation, "PNG")))
    assert len(expected.image.faces) == 1
    assert found == expected


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_rotated_jpeg_gives_nearly_the_same_face(
    pipeline: Pipeline, upright: Image.Image, orientation: int
) -> None:
    (expected,) = pipeline.faces(picture(upright, "PNG")).image.faces
    (found,) = pipeline.faces(turned(upright, orientation, "JPEG", quality=95)).image.faces
    np.testing.assert_allclose(found.bbox, expected.bbox, atol=5)
    assert found.age_prediction == pytest.approx(expected.age_prediction, abs=5)


def test_a_sideways_photo_gives_another_result(pipeline: Pipeline, upright: Image.Image) -> None:
    (expected,) = pipeline.faces(picture(upright, "PNG")).image.faces
    sideways = pipeline.faces(picture(upright.transpose(Image.Transpose.ROTATE_90), "PNG"))
    assert [face.bbox for face in sideways.image.faces] != [expected.bbox]


def sixteen_bit(photo: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257)


def overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


@pytest.mark.parametrize(
    ("make", "kind", "options"),
    [
        (lambda photo: photo, "PNG", {}),
        (lambda photo: photo, "WEBP", {"quality": 90}),
        (lambda photo: photo, "TIFF", {}),
        (lambda photo: photo.convert("L"), "JPEG", {"quality": 90}),
        (lambda photo: photo.convert("RGBA"), "PNG", {}),
        (lambda photo: photo.convert("P"), "GIF", {}),
        (lambda photo: photo.convert("CMYK"), "JPEG", {"quality": 90}),
        (sixteen_bit, "PNG", {}),
    ],
    ids=["png", "webp", "tiff", "grey", "alpha", "palette", "cmyk", "16 bit"],
)
def test_the_face_is_found_in_every_format_and_colour_mode(
    pipeline: Pipeline,
    upright: Image.Image,
    make: Callable[[Image.Image], Image.Image],
    kind: str,
    options: dict[str, Any],
) -> None:
    (expected,) = pipeline.faces(picture(upright, "PNG")).image.faces
    (found,) = pipeline.faces(picture(make(upright), kind, **options)).image.faces
    assert overlap(found.bbox, expected.bbox) > 0.75


@pytest.mark.parametrize("field", ["image_1", "image_2"])
@pytest.mark.parametrize(("photo", "error"), [(BLANK, NoFace), (b"text", UnreadableImage)])
def test_the_invalid_photo_is_named(
    pipeline: Pipeline,
    samples: dict[str, bytes],
    field: str,
    photo: bytes,
    error: type[NoFace] | type[UnreadableImage],
) -> None:
    good = samples["hopper_1984.jpg"]
    photos = (photo, good) if field == "image_1" else (good, photo)
    with pytest.raises(error, match=f"^{field}: ") as caught:
        pipeline.compare(*photos)
    assert caught.value.field == field


def test_a_photo_without_a_face_gives_no_faces(pipeline: Pipeline) -> None:
    assert pipeline.faces(BLANK).image.faces == ()
