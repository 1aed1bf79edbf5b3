"""Photos are turned upright."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from faceage_core.errors import ImageTooLarge
from faceage_core.images import ImageLimits, decode
from tests.core.images.assertions import (
    assert_photo,
    assert_rejected,
    assert_solid,
    run_in_subprocess,
)
from tests.core.images.factories import (
    COLOUR,
    LOSSLESS,
    LOSSY,
    chunk,
    encode,
    exif,
    gif,
    grey_tiff,
    heic,
    noise,
    quadrants,
)
from tests.core.images.malicious import LONG, SHORT, directory


def splice_png(*kinds_and_bodies: bytes) -> bytes:
    """A PNG of noise with these chunks after its header."""
    data = encode(noise(), "PNG")
    kinds, bodies = kinds_and_bodies[::2], kinds_and_bodies[1::2]
    more = b"".join(chunk(kind, body) for kind, body in zip(kinds, bodies, strict=True))
    return data[:33] + more + data[33:]


# The stored pixels of an upright photo, by the definition of each EXIF orientation.
STORED: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    1: lambda photo: photo,
    2: lambda photo: photo[:, ::-1],
    3: lambda photo: photo[::-1, ::-1],
    4: lambda photo: photo[::-1],
    5: lambda photo: photo.swapaxes(0, 1),
    6: lambda photo: np.rot90(photo, 1),
    7: lambda photo: photo[::-1, ::-1].swapaxes(0, 1),
    8: lambda photo: np.rot90(photo, -1),
}


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(
    ("kind", "options"), [case for case in LOSSLESS if case[0] != "BMP"], ids=str
)
def test_orientation_is_undone_exactly(
    kind: str, options: dict[str, Any], orientation: int
) -> None:
    stored = np.ascontiguousarray(STORED[orientation](noise()))
    array = decode(encode(stored, kind, exif=exif(orientation), **options))
    assert_photo(array, 24, 40)
    np.testing.assert_array_equal(array, noise())


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize(("kind", "options"), LOSSY, ids=str)
def test_orientation_is_undone_in_lossy_formats(
    kind: str, options: dict[str, Any], orientation: int
) -> None:
    stored = np.ascontiguousarray(STORED[orientation](quadrants()))
    array = decode(encode(stored, kind, exif=exif(orientation), **options))
    assert_photo(array, 32, 48)
    assert np.abs(array.astype(int) - quadrants()).mean() < 4


@pytest.mark.parametrize("orientation", STORED)
def test_orientation_of_16_bit_and_of_transparent_pictures(orientation: int) -> None:
    deep = noise()[..., 0].astype(np.uint16) * 256 + 255
    stored = np.ascontiguousarray(STORED[orientation](deep))
    array = decode(encode(stored, "PNG", exif=exif(orientation)))
    np.testing.assert_array_equal(array, noise()[..., :1].repeat(3, 2))

    opaque = np.dstack([noise(), np.full((24, 40), 255, np.uint8)])
    stored = np.ascontiguousarray(STORED[orientation](opaque))
    array = decode(encode(stored, "PNG", exif=exif(orientation)))
    np.testing.assert_array_equal(array, noise())


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'
TURN = [(0x0112, SHORT, 1, 3)]
OTHER_SOURCES = {
    "JPEG, in XMP": encode(noise(), "JPEG", xmp=XMP % 3),
    "WebP, in XMP": encode(noise(), "WEBP", lossless=True, xmp=XMP % 3),
    "TIFF, in XMP": encode(noise(), "TIFF", tiffinfo={700: XMP % 3}),
    "TIFF, EXIF before XMP": encode(noise(), "TIFF", tiffinfo={274: 3, 700: XMP % 6}),
    "PNG, in XMP": splice_png(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP % 3),
    "PNG, by ImageMagick": splice_png(
        b"tEXt", b"Raw profile type exif\0\nexif\n  50\n" + directory(TURN).hex("\n", 36).encode()
    ),
    "PNG, long": splice_png(b"eXIf", directory([(0x0112, LONG, 1, 3)])),
    "PNG, big-endian": splice_png(b"eXIf", directory(TURN, order=">")),
    "PNG, with the EXIF prefix": splice_png(b"eXIf", b"Exif\0\0" + directory(TURN)),
    "PNG, EXIF before XMP": splice_png(
        b"eXIf", directory(TURN), b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP % 6
    ),
}


@pytest.mark.parametrize("name", OTHER_SOURCES)
def test_orientation_from_other_sources(name: str) -> None:
    plain = decode(encode(noise(), "JPEG")) if "JPEG" in name else noise()
    np.testing.assert_array_equal(decode(OTHER_SOURCES[name]), plain[::-1, ::-1])


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\0\0" * 100_000,
        b"II+\0\x08\0\0\0",
        directory([(0x0112, SHORT, 2, 3)]),
        directory([(0x0112, 2, 1, 3)]),
        directory([(0x0112, 99, 1, 3)]),
        directory([(0x0112, LONG, 1, 0xFFFFFFFF)]),
        directory(TURN)[:19],
        directory([(0x0100, SHORT, 1, 3)]),
    ],
    ids=["empty", "prefixes", "64-bit", "two", "text", "no type", "huge", "cut", "none"],
)
def test_an_exif_block_without_a_valid_orientation(block: bytes) -> None:
    np.testing.assert_array_equal(decode(splice_png(b"eXIf", block)), noise())


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("orientation", [None, 1, 3, 6, 8])
def test_heic_is_turned_once_by_its_container_only(turns: int, orientation: int | None) -> None:
    luma = np.repeat(np.array([[40, 90], [150, 220]], np.uint8).repeat(8, 0), 8, 1)
    block = None if orientation is None else exif(orientation)
    array = decode(heic(luma, turns=turns, exif_block=block))
    np.testing.assert_array_equal(array, decode(heic(np.rot90(luma, turns).copy())))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_undefined_orientation_is_ignored(orientation: int) -> None:
    np.testing.assert_array_equal(decode(encode(noise(), "PNG", exif=exif(orientation))), noise())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize(
    ("at", "garbage"),
    [
        (0, b"garbage!"),
        (4, b"\xff\xff\xff\xff"),
        (4, bytes(4)),
        (8, b"\xff\xff"),
        (10, b"\xff" * 20),
    ],
    ids=["no header", "far offset", "offset to itself", "many tags", "garbled tags"],
)
def test_a_broken_exif_block_is_ignored(kind: str, at: int, garbage: bytes) -> None:
    block = exif(1).removeprefix(b"Exif\0\0")
    data = encode(quadrants(), kind, exif=b"Exif\0\0" + block)
    start = data.index(block[:8])
    broken = bytearray(data)
    broken[start + at : start + at + len(garbage)] = garbage
    if kind == "PNG":
        body = broken.index(b"eXIf") - 4
        length = struct.unpack(">I", broken[body : body + 4])[0]
        crc = zlib.crc32(broken[body + 4 : body + 8 + length])
        broken[body + 8 + length : body + 12 + length] = struct.pack(">I", crc)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        np.testing.assert_array_equal(decode(bytes(broken)), decode(data))
    assert caught == []


@pytest.mark.parametrize("tag", [270, 305])
@pytest.mark.parametrize("compression", [None, "tiff_adobe_deflate"])
def test_a_tiff_with_an_entry_outside_the_file(compression: str | None, tag: int) -> None:
    """The entries after it are read, such as the position of the pixels after tag 270."""
    data = encode(noise(), "TIFF", compression=compression, tiffinfo={tag: "x" * 50})
    at = data.index(struct.pack("<HHL", tag, 2, 51)) + 8
    broken = data[:at] + b"\xff\xff\xff\x7f" + data[at + 4 :]
    np.testing.assert_array_equal(decode(broken), noise())


@pytest.mark.parametrize("offset", [0, 3, 100, 0xFFFFFFFF])
def test_a_tiff_with_an_invalid_exif_offset(offset: int) -> None:
    data = grey_tiff(bytes(range(12)), 4, 3, t274=3, t34665=offset)
    np.testing.assert_array_equal(decode(data)[..., 0], np.arange(12)[::-1].reshape(3, 4))


@pytest.mark.parametrize("block", [b"", b"garbage!", b"MM\0*\xff\xff\xff\xff"])
def test_a_heic_with_a_broken_exif_block(block: bytes) -> None:
    assert_photo(decode(heic(np.full((16, 16), 100, np.uint8), exif_block=block)), 16, 16)


def test_a_heic_that_crashes_pi_heif_is_decoded(tmp_path: Path) -> None:
    """Its metadata have a type that is not UTF-8; decoded in a separate process."""
    photo = np.full((16, 16), 235, np.uint8)
    (tmp_path / "x").write_bytes(heic(photo, exif_block=exif(6), exif_type=b"Ex\xfff"))
    script = """
import sys
from pathlib import Path
from faceage_core.images import decode
print(decode(Path(sys.argv[1]).read_bytes()).mean())
"""
    assert run_in_subprocess(script, tmp_path / "x") == "255.0"


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG", "MPO"])
def test_the_first_frame_is_decoded(kind: str) -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in (COLOUR, (0, 0, 255))]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(data)) as image:
        assert getattr(image, "n_frames", 1) == 2
    assert_solid(decode(data), COLOUR, within=3)


def test_a_gif_frame_smaller_than_its_screen() -> None:
    assert_photo(decode(gif((5, 4), (1, 1))), 4, 5)


def test_a_gif_frame_larger_than_its_screen() -> None:
    assert_photo(decode(gif((1, 1), (1, 1))), 1, 1)
    assert "0.0 megapixels" not in assert_rejected(
        ImageTooLarge, gif((1, 1), (9000, 9000)), ImageLimits(max_pixels=1_000_000)
    )
