"""Bytes and pixels are limited before they cost anything."""

import json
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from faceage_core.errors import ImageTooLarge, UnreadableImage
from faceage_core.images import ImageLimits, decode
from tests.core.images.looking import assert_photo, refused, run_apart
from tests.core.images.making import (
    avif_claiming,
    bmp_claiming,
    chunk,
    encode,
    gif,
    grey_tiff,
    heic,
    jpeg_claiming,
    noise,
    png,
    tiff,
    webp_vp8,
    webp_vp8l,
    webp_vp8x,
)


def test_the_default_limits() -> None:
    assert ImageLimits() == ImageLimits(max_bytes=15_728_640, max_pixels=40_000_000)


def test_bytes_are_limited_before_anything_is_looked_at() -> None:
    message = refused(ImageTooLarge, b"no picture" * 2_000_000)
    assert message == "the photo has 19.1 MB, at most 15 are allowed"


def test_just_above_the_limit_does_not_read_like_the_limit() -> None:
    message = refused(ImageTooLarge, bytes(15 * 1024 * 1024 + 1))
    assert message == "the photo has 15.1 MB, at most 15 are allowed"


def test_the_limits_themselves_are_allowed() -> None:
    data = encode(noise(), "PNG")
    assert_photo(decode(data, ImageLimits(max_bytes=len(data), max_pixels=24 * 40)), 24, 40)
    refused(ImageTooLarge, data, ImageLimits(max_bytes=len(data) - 1))
    refused(ImageTooLarge, data, ImageLimits(max_pixels=24 * 40 - 1))


def test_pixels_are_named_with_their_limit() -> None:
    message = refused(ImageTooLarge, png(10_000, 9_000, 1, 0, b""))
    assert message == "the photo has 90.0 megapixels, at most 40 are allowed"


@pytest.mark.filterwarnings("error")
def test_a_raised_limit_is_the_only_one() -> None:
    """95 megapixels make Pillow's own check warn and 180 make it raise, but for this module."""
    limits = ImageLimits(max_pixels=400_000_000)
    for height in (9_500, 18_000):
        message = refused(UnreadableImage, png(10_000, height, 1, 0, b""), limits)
        assert "cut short" in message


TILE_BOMB = tiff(
    zlib.compress(bytes(12_000 * 12_000), 9),
    {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 277: 1, 322: 12_000, 323: 12_000, 324: 0}
    | {325: 140_000},
)
BOMBS = {
    "PNG": png(30_000, 30_000, 1, 0, bytes(3751 * 30_000)),
    "JPEG": jpeg_claiming(65_000, 65_000),
    "BMP": bmp_claiming(30_000, 30_000),
    "BMP, top down": bmp_claiming(30_000, -30_000),
    "TIFF": grey_tiff(zlib.compress(bytes(1_000_000), 9), 30_000, 30_000, t259=8),
    "TIFF, one huge tile": TILE_BOMB,
    "WebP, lossy": webp_vp8(16_383, 16_383),
    "WebP, lossless": webp_vp8l(16_383, 16_383),
    "WebP, extended": webp_vp8x(60_000, 60_000),
    "GIF, huge screen": gif((65_000, 65_000), (1, 1)),
    "GIF, huge frame": gif((1, 1), (65_000, 65_000)),
    "GIF, large frame": gif((1, 1), (10_000, 10_000)),
    "HEIC": heic(np.full((16, 16), 100, np.uint8), size=(30_000, 30_000)),
    "AVIF": avif_claiming(16_000, 16_000),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_by_its_header(kind: str) -> None:
    message = refused(ImageTooLarge, BOMBS[kind])
    assert "megapixels, at most 40 are allowed" in message or "at most 40 megapixels" in message


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space of a process")
def test_a_bomb_takes_neither_memory_nor_time(tmp_path: Path) -> None:
    """In a process that may grow by 64 MB only, where each bomb would take at least 100."""
    for name, data in BOMBS.items():
        (tmp_path / name).write_bytes(data)
    script = """
import json, resource, sys, time, warnings
from pathlib import Path
from faceage_core.errors import FaceageError
from faceage_core.images import decode
warnings.simplefilter("ignore")
bombs = {path.name: path.read_bytes() for path in Path(sys.argv[1]).iterdir()}
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 2**20,) * 2)
found = {}
for name, data in bombs.items():
    start = time.process_time()
    try:
        decode(data)
    except FaceageError as error:
        found[name] = error.code, time.process_time() - start
start = time.process_time()
for _ in range(1_000_000):
    pass
found["count to a million"] = "", time.process_time() - start
print(json.dumps(found))
"""
    found = json.loads(run_apart(script, tmp_path))
    _, count_s = found.pop("count to a million")
    assert {name: code for name, (code, _) in found.items()} == dict.fromkeys(
        BOMBS, "image_too_large"
    )
    assert max(cpu_s for _, cpu_s in found.values()) < 50 * count_s


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_compressed_text_that_unpacks_to_much(kind: bytes) -> None:
    packed = zlib.compress(bytes(50_000_000), 9)
    body = {
        b"zTXt": b"Comment\0\0" + packed,
        b"iTXt": b"Comment\0\1\0\0\0" + packed,
        b"iCCP": b"profile\0\0" + packed,
    }[kind]
    refused(UnreadableImage, png(4, 3, 8, 0, b"\0\1\1\1\1" * 3, chunk(kind, body)))
