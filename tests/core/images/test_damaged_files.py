"""Damaged, truncated and empty files raise an image error."""

import numpy as np
import pytest
from PIL import Image, ImageFile

from faceage_core.errors import UnreadableImage
from faceage_core.images import decode
from tests.core.images.assertions import assert_rejected
from tests.core.images.factories import (
    FORMATS,
    any_file,
    bmp_with_header_size,
    encode,
    gif,
    grey_tiff,
    heic,
    jpeg_with_header_size,
    noise,
    png,
    webp_vp8,
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_truncated_photo(kind: str, share: float) -> None:
    data = any_file(kind)
    decode(data)
    message = assert_rejected(UnreadableImage, data[: int(len(data) * share)])
    assert "truncated" in message


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FORMATS)
def test_a_signature_alone(kind: str) -> None:
    assert_rejected(UnreadableImage, any_file(kind)[:16])


def test_damaged_pixel_data() -> None:
    data = bytearray(encode(noise(64, 64), "PNG"))
    at = data.index(b"IDAT") + 200
    data[at : at + 400] = b"\xff" * 400
    assert "PNG" in assert_rejected(UnreadableImage, bytes(data))


def test_pillow_s_setting_for_truncated_files_is_not_changed() -> None:
    before = (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS, sorted(Image.OPEN))
    for kind in FORMATS:
        decode(any_file(kind))
    assert before == (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS, sorted(Image.OPEN))
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize(
    "data",
    [
        png(0, 3, 8, 2, b""),
        png(4, 0, 8, 2, b""),
        bmp_with_header_size(0, 4),
        bmp_with_header_size(4, 0),
        gif((0, 0), (0, 0)),
        jpeg_with_header_size(0, 16),
        jpeg_with_header_size(16, 0),
        grey_tiff(b"", 0, 3),
        webp_vp8(0, 16),
        heic(np.full((16, 16), 100, np.uint8), size=(0, 16)),
    ],
    ids=["png w", "png h", "bmp w", "bmp h", "gif", "jpeg w", "jpeg h", "tiff", "webp", "heic"],
)
def test_no_pixels_at_all(data: bytes) -> None:
    assert_rejected(UnreadableImage, data)


def test_out_of_memory_is_an_image_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: Image.Image) -> None:
        raise MemoryError

    data = encode(noise(), "PNG")
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert_rejected(UnreadableImage, data)


def test_an_empty_file_is_reported_as_empty() -> None:
    assert assert_rejected(UnreadableImage, b"") == "the photo is empty: it has 0 bytes"
