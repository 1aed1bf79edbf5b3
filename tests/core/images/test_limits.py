"""The size limits are checked before anything expensive."""

import json
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from faceage_core.errors import ImageTooLarge, UnreadableImage
from faceage_core.images import ImageLimits, decode
from tests.core.images.assertions import assert_photo, assert_rejected, run_in_subprocess
from tests.core.images.factories import (
    avif_with_header_size,
    bmp_with_header_size,
    chunk,
    encode,
    gif,
    grey_tiff,
    heic,
    jpeg_with_header_size,
    noise,
    png,
    tiff,
    webp_vp8,
    webp_vp8l,
    webp_vp8x,
)


def test_the_default_limits() -> None:
    assert ImageLimits() == ImageLimits(max_bytes=15_728_640, max_pixels=40_000_000)


def test_the_number_of_bytes_is_checked_first() -> None:
    message = assert_rejected(ImageTooLarge, b"no picture" * 2_000_000)
    assert message == "the photo has 19.1 MB, at most 15 are allowed"


def test_just_above_the_limit_is_not_printed_as_the_limit() -> None:
    message = assert_rejected(ImageTooLarge, bytes(15 * 1024 * 1024 + 1))
    assert message == "the photo has 15.1 MB, at most 15 are allowed"


def test_exactly_the_limits_are_allowed() -> None:
    data = encode(noise(), "PNG")
    assert_photo(decode(data, ImageLimits(max_bytes=len(data), max_pixels=24 * 40)), 24, 40)
    assert_rejected(ImageTooLarge, data, ImageLimits(max_bytes=len(data) - 1))
    assert_rejected(ImageTooLarge, data, ImageLimits(max_pixels=24 * 40 - 1))


def test_the_error_states_the_pixels_and_their_limit() -> None:
    message = assert_rejected(ImageTooLarge, png(10_000, 9_000, 1, 0, b""))
    assert message == "the photo has 90.0 megapixels, at most 40 are allowed"


@pytest.mark.filterwarnings("error")
def test_pillows_own_limit_does_not_apply() -> None:
    """Pillow's own check would warn at 95 megapixels and raise at 180."""
    limits = ImageLimits(max_pixels=400_000_000)
    for height in (9_500, 18_000):
        message = assert_rejected(UnreadableImage, png(10_000, height, 1, 0, b""), limits)
        assert "truncated" in message


TILE_BOMB = tiff(
    zlib.compress(bytes(12_000 * 12_000), 9),
    {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 277: 1, 322: 12_000, 323: 12_000, 324: 0}
    | {325: 140_000},
)
BOMBS = {
    "PNG": png(30_000, 30_000, 1, 0, bytes(3751 * 30_000)),
    "JPEG": jpeg_with_header_size(65_000, 65_000),
    "BMP": bmp_with_header_size(30_000, 30_000),
    "BMP, top down": bmp_with_header_size(30_000, -30_000),
    "TIFF": grey_tiff(zlib.compress(bytes(1_000_000), 9), 30_000, 30_000, t259=8),
    "TIFF, one huge tile": TILE_BOMB,
    "WebP, lossy": webp_vp8(16_383, 16_383),
    "WebP, lossless": webp_vp8l(16_383, 16_383),
    "WebP, extended": webp_vp8x(60_000, 60_000),
    "GIF, huge screen": gif((65_000, 65_000), (1, 1)),
    "GIF, huge frame": gif((1, 1), (65_000, 65_000)),
    "GIF, large frame": gif((1, 1), (10_000, 10_000)),
    "HEIC": heic(np.full((16, 16), 100, np.uint8), size=(30_000, 30_000)),
    "AVIF": avif_with_header_size(16_000, 16_000),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", BOMBS)
def test_a_decompression_bomb_is_rejected_by_its_header(kind: str) -> None:
    message = assert_rejected(ImageTooLarge, BOMBS[kind])
    assert "megapixels, at most 40 are allowed" in message or "at most 40 megapixels" in message


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on the address space")
def test_a_decompression_bomb_takes_neither_memory_nor_time(tmp_path: Path) -> None:
    """In a process limited to 64 MB of additional memory; each bomb would need at least 100 MB."""
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
    found = json.loads(run_in_subprocess(script, tmp_path))
    _, count_s = found.pop("count to a million")
    assert {name: code for name, (code, _) in found.items()} == dict.fromkeys(
        BOMBS, "image_too_large"
    )
    assert max(cpu_s for _, cpu_s in found.values()) < 50 * count_s


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_compressed_text_of_extreme_size(kind: bytes) -> None:
    packed = zlib.compress(bytes(50_000_000), 9)
    body = {
        b"zTXt": b"Comment\0\0" + packed,
        b"iTXt": b"Comment\0\1\0\0\0" + packed,
        b"iCCP": b"profile\0\0" + packed,
    }[kind]
    assert_rejected(UnreadableImage, png(4, 3, 8, 0, b"\0\1\1\1\1" * 3, chunk(kind, body)))
