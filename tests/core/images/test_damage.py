"""What is no whole photo ends in one of the image errors."""

import numpy as np
import pytest
from PIL import Image, ImageFile

from faceage_core.errors import UnreadableImage, UnsupportedFormat
from faceage_core.images import decode
from tests.core.images.looking import refused
from tests.core.images.making import (
    COLOUR,
    FORMATS,
    any_file,
    bmp_claiming,
    box,
    encode,
    gif,
    grey_tiff,
    heic,
    jpeg_claiming,
    noise,
    png,
    solid,
    webp_vp8,
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_photo_cut_short(kind: str, share: float) -> None:
    data = any_file(kind)
    decode(data)
    message = refused(UnreadableImage, data[: int(len(data) * share)])
    assert "cut short" in message


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", FORMATS)
def test_a_signature_alone(kind: str) -> None:
    refused(UnreadableImage, any_file(kind)[:16])


def test_damage_inside() -> None:
    data = bytearray(encode(noise(64, 64), "PNG"))
    at = data.index(b"IDAT") + 200
    data[at : at + 400] = b"\xff" * 400
    assert "PNG" in refused(UnreadableImage, bytes(data))


def test_pillow_is_not_told_to_accept_truncated_files() -> None:
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
        bmp_claiming(0, 4),
        bmp_claiming(4, 0),
        gif((0, 0), (0, 0)),
        jpeg_claiming(0, 16),
        jpeg_claiming(16, 0),
        grey_tiff(b"", 0, 3),
        webp_vp8(0, 16),
        heic(np.full((16, 16), 100, np.uint8), size=(0, 16)),
    ],
    ids=["png w", "png h", "bmp w", "bmp h", "gif", "jpeg w", "jpeg h", "tiff", "webp", "heic"],
)
def test_no_pixels_at_all(data: bytes) -> None:
    refused(UnreadableImage, data)


def test_out_of_memory_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_: Image.Image) -> None:
        raise MemoryError

    data = encode(noise(), "PNG")
    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    refused(UnreadableImage, data)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("PDF", encode(solid("RGB", COLOUR), "PDF")),
        ("EPS", encode(solid("RGB", COLOUR), "EPS")),
        ("ICO", encode(Image.new("RGB", (16, 16)), "ICO")),
        ("JPEG 2000", encode(solid("RGB", COLOUR), "JPEG2000")),
        ("JPEG 2000", encode(solid("RGB", COLOUR), "JPEG2000", no_jp2=True)),
        ("Netpbm", encode(solid("RGB", COLOUR), "PPM")),
        ("PSD", b"8BPS\0\1" + bytes(100)),
        ("JPEG XL", b"\xff\x0a" + bytes(100)),
        ("JPEG XL", b"\0\0\0\x0cJXL \r\n\x87\n"),
        ("SVG", b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
        ("SVG", b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<svg width="1"></svg>'),
        ("MP4 or QuickTime video", box(b"ftyp", b"isom\0\0\2\0isomiso2avc1mp41") + bytes(100)),
        ("MP4 or QuickTime video", box(b"ftyp", b"qt  \0\0\2\0qt  ") + bytes(100)),
        ("WebM or Matroska video", b"\x1aE\xdf\xa3" + bytes(100)),
        ("AVI video", b"RIFF\0\1\0\0AVI LIST" + bytes(100)),
        ("camera raw", b"II*\0\x10\0\0\0CR\2\0" + bytes(100)),
        ("camera raw", b"FUJIFILMCCD-RAW 0201"),
        ("camera raw", grey_tiff(bytes(12), 4, 3, t254=1)),
        ("ZIP archive", b"PK\x03\x04" + bytes(100)),
    ],
)
def test_other_kinds_of_files_are_named(name: str, data: bytes) -> None:
    message = refused(UnsupportedFormat, data)
    assert message.startswith(name)
    assert "JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC, AVIF" in message


@pytest.mark.parametrize(
    "data",
    [
        b"just some text",
        b"\xff\xd8",
        b"\0",
        bytes(1000),
        b"<!doctype html><html><body>404</body></html>",
        b'<?xml version="1.0"?><html><body><svg></svg></body></html>',
        b'{"error": "not found"}',
        np.random.default_rng(1).bytes(5000),
        encode(solid("RGB", COLOUR), "TGA"),
        encode(solid("RGB", COLOUR), "PCX"),
    ],
    ids=["text", "half a jpeg", "a zero", "zeros", "html", "xhtml", "json", "noise", "tga", "pcx"],
)
def test_what_is_no_picture(data: bytes) -> None:
    message = refused(UnreadableImage, data)
    assert message.startswith("the file is not a picture")


def test_an_empty_upload_is_said_to_be_empty() -> None:
    assert refused(UnreadableImage, b"") == "the photo is empty: it has 0 bytes"
