"""Paths, bytes, Pillow images and arrays give the pixels of the file; anything else is refused."""

import os
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from faceage_core.errors import FaceageError, ImageTooLarge, InvalidArgument, UnreadableImage
from faceage_core.images import ImageLimits, ImageSource, decode, load_image, load_pixels
from faceage_core.images.sources import file_name, is_photo
from tests.core.images.assertions import assert_photo, assert_solid
from tests.core.images.factories import (
    CLOSE_MODES,
    COLOUR,
    EXACT_MODES,
    encode,
    exif,
    grey,
    lab,
    noise,
    quadrants,
    solid,
)

PIXELS = noise()
PNG = encode(PIXELS, "PNG")


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


def refused(source: Any, limits: ImageLimits | None = None) -> FaceageError:
    with pytest.raises(FaceageError) as caught:
        load_pixels(source, "image_2", limits or ImageLimits())
    assert caught.value.field == "image_2"
    assert caught.value.message.startswith("image_2: ")
    assert "\n" not in caught.value.message
    return caught.value


# --- the same pixels from every kind of source ---


@pytest.mark.parametrize(
    "source",
    [
        PNG,
        bytearray(PNG),
        memoryview(PNG),
        opened(PNG),
        Image.fromarray(PIXELS),
        PIXELS,
        np.asfortranarray(PIXELS),
        PIXELS[::-1, ::-1].copy()[::-1, ::-1],
        np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255, np.uint8)]),
    ],
    ids=[
        "bytes",
        "bytearray",
        "memoryview",
        "opened",
        "Pillow",
        "array",
        "Fortran order",
        "negative strides",
        "RGBA",
    ],
)
def test_every_source_gives_the_same_pixels(source: ImageSource) -> None:
    array = load_pixels(source, "image")
    assert_photo(array, *PIXELS.shape[:2])
    np.testing.assert_array_equal(array, PIXELS)


@pytest.mark.parametrize("kind", [str, Path, lambda path: FolderEntry(path)])
def test_files_are_read_by_their_path(kind: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "a photo.png"
    path.write_bytes(PNG)
    assert load_image(kind(path), "image") == PNG
    assert file_name(kind(path)) == "a photo.png"


class FolderEntry:
    """A path of another library."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __fspath__(self) -> str:
        return str(self._path)


def test_an_array_is_copied() -> None:
    array = PIXELS.copy()
    array.flags.writeable = False  # as np.asarray of a Pillow image
    result = load_pixels(array, "image")
    assert not np.shares_memory(result, array)
    assert result.flags.writeable


@pytest.mark.parametrize("mode", EXACT_MODES | CLOSE_MODES)
def test_pillow_images_of_every_mode_give_the_pixels_of_their_file(mode: str) -> None:
    data, _ = (EXACT_MODES | CLOSE_MODES)[mode]
    np.testing.assert_array_equal(load_pixels(opened(data), "image"), decode(data))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (solid("RGB", COLOUR).convert("YCbCr"), COLOUR),
        (solid("RGB", COLOUR).convert("HSV"), COLOUR),
        (lab(), COLOUR),
        (solid("RGB", COLOUR).convert("RGBX"), COLOUR),
        (solid("RGBA", (*COLOUR, 128)).convert("RGBa"), (227, 177, 152)),
        (solid("LA", (77, 255)).convert("La"), grey(77)),
        (solid("LA", (77, 0)).convert("La"), grey(255)),
        (solid("I;16", 0x9C40), grey(0x9C)),
        (solid("I;16B", 0x9C40), grey(0x9C)),
        (solid("1", 1), grey(255)),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else "",
)
def test_modes_that_no_file_has(image: Image.Image, expected: tuple[int, int, int]) -> None:
    assert_solid(load_pixels(image, "image"), expected, within=3)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.full((3, 4), 77, np.uint8), grey(77)),
        (np.full((3, 4, 4), (*COLOUR, 255), np.uint8), COLOUR),
        (np.full((3, 4, 4), (*COLOUR, 128), np.uint8), (227, 177, 152)),
        (np.full((3, 4, 4), (*COLOUR, 0), np.uint8), grey(255)),
    ],
    ids=["grey", "opaque", "half", "clear"],
)
def test_grey_and_rgba_arrays_give_the_pixels_of_their_png(
    array: NDArray[np.uint8], expected: tuple[int, int, int]
) -> None:
    assert_solid(load_pixels(array, "image"), expected)
    np.testing.assert_array_equal(load_pixels(array, "image"), decode(encode(array, "PNG")))


# --- orientation ---


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pillow_images_are_turned_upright_as_their_file(kind: str, orientation: int) -> None:
    data = encode(quadrants(), kind, exif=exif(orientation))
    upright = decode(data)
    assert upright.shape[:2] == ((32, 48) if orientation < 5 else (48, 32))
    np.testing.assert_array_equal(load_pixels(opened(data), "image"), upright)
    loaded = opened(data)
    loaded.load()
    np.testing.assert_array_equal(load_pixels(loaded, "image"), upright)
    np.testing.assert_array_equal(load_pixels(loaded.copy(), "image"), upright)
    np.testing.assert_array_equal(
        load_pixels(ImageOps.exif_transpose(opened(data)), "image"), upright
    )


# --- refused ---


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (PIXELS / 255, "must have the dtype uint8 (0-255), got float64"),
        (PIXELS > 9, "must have the dtype uint8 (0-255), got bool"),
        (PIXELS.astype(np.int8), "must have the dtype uint8 (0-255), got int8"),
        (PIXELS.transpose(2, 0, 1), "grey, got [3, 24, 40]"),
        (PIXELS[None], "grey, got [1, 24, 40, 3]"),
        (PIXELS[:, :, :1], "grey, got [24, 40, 1]"),
        (PIXELS[:, :, :2], "grey, got [24, 40, 2]"),
        (PIXELS[0, 0], "grey, got [3]"),
        (np.uint8(3), "a photo must be a path, bytes, a Pillow image or a NumPy array, got uint8"),
        (None, "got NoneType"),
        ([PNG], "got list"),
        (BytesIO(PNG), "got BytesIO"),
    ],
)
def test_other_types_dtypes_and_shapes_are_refused(source: Any, message: str) -> None:
    error = refused(source)
    assert isinstance(error, InvalidArgument)
    assert error.message.endswith(message)


@pytest.mark.parametrize(
    "empty",
    [
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((4, 0), np.uint8),
        Image.new("RGB", (0, 0)),
        b"",
        memoryview(b""),
    ],
)
def test_empty_photos_are_refused(empty: ImageSource) -> None:
    error = refused(empty)
    assert isinstance(error, UnreadableImage)
    assert "the photo is empty: it has 0 " in error.message


@pytest.mark.parametrize(
    "source", [PNG, PIXELS, PIXELS[:, :, 0], Image.fromarray(PIXELS), opened(PNG)]
)
def test_pixels_are_limited_as_in_files(source: ImageSource) -> None:
    pixels = PIXELS.shape[0] * PIXELS.shape[1]
    load_pixels(source, "image_2", ImageLimits(max_pixels=pixels))
    error = refused(source, ImageLimits(max_pixels=pixels - 1))
    assert isinstance(error, ImageTooLarge)


def test_an_array_is_not_copied_before_its_size_is_checked() -> None:
    huge = np.broadcast_to(np.uint8(0), (1 << 20, 1 << 20, 3))  # 3 TB, if it were copied
    assert isinstance(refused(huge), ImageTooLarge)


def test_damaged_and_closed_pillow_images_are_refused() -> None:
    data = encode(PIXELS, "JPEG")
    closed = opened(data)
    closed.close()
    for image in (opened(data[:-200]), closed):
        error = refused(image)
        assert isinstance(error, UnreadableImage)
        assert "mode RGB, is closed, damaged or truncated" in error.message


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.txt").write_text("text")
    os.mkfifo(tmp_path / "pipe")
    expected = {
        "missing.jpg": "there is no file 'missing.jpg'",
        "": f"{tmp_path.name!r} is a folder",
        "folder": "'folder' is a folder",
        "pipe": "'pipe' is not a file",
        "a.txt/b.jpg": "'b.jpg' cannot be read: Not a directory",
        "a\0b": "'a\\x00b' cannot be read: not a valid path",
    }
    for name, message in expected.items():
        error = refused(f"{tmp_path}/{name}")
        assert isinstance(error, UnreadableImage)
        assert error.message == f"image_2: {message}"
    assert "cannot be read: File name too long" in refused(str(tmp_path / ("x" * 300))).message
    assert "is a folder" in refused("").message


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "huge.jpg").open("wb") as sparse:
        sparse.truncate(60 << 30)
    assert isinstance(refused(tmp_path / "huge.jpg"), ImageTooLarge)


# --- one photo or several ---


def test_one_photo_is_told_from_several() -> None:
    photos = ("a.jpg", Path("a.jpg"), PNG, bytearray(PNG), Image.fromarray(PIXELS), PIXELS)
    assert all(is_photo(photo) for photo in photos)
    assert not any(is_photo(several) for several in ([PNG], iter([PNG]), PIXELS[None]))
    assert [file_name(photo) for photo in photos[2:]] == [None] * 4
