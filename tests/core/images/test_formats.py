"""Detection of formats: unsupported and unknown files are rejected by name."""

import numpy as np
import pytest
from PIL import Image

from faceage_core.errors import UnreadableImage, UnsupportedFormat
from tests.core.images.assertions import assert_rejected
from tests.core.images.factories import COLOUR, box, encode, grey_tiff, solid


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
def test_unsupported_formats_are_named(name: str, data: bytes) -> None:
    message = assert_rejected(UnsupportedFormat, data)
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
def test_other_files_are_not_images(data: bytes) -> None:
    message = assert_rejected(UnreadableImage, data)
    assert message.startswith("the file is not an image")
