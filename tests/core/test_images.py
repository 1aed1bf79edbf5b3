"""Real bytes in, upright RGB out; everything else ends in one of the three image errors."""

import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFile, features

from faceage_core.errors import FaceageError, ImageTooLarge, UnreadableImage, UnsupportedFormat
from faceage_core.images import ImageLimits, decode

SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.[jp][pn]g"))
COLOUR = (200, 100, 50)
LOSSLESS: list[tuple[str, dict[str, Any]]] = [
    ("PNG", {}),
    ("BMP", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ("WEBP", {"lossless": True}),
]
LOSSY: list[tuple[str, dict[str, Any]]] = [
    ("JPEG", {"quality": 95, "subsampling": 0}),
    ("WEBP", {"quality": 95}),
    ("AVIF", {"quality": 95, "subsampling": "4:4:4"}),
]
FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIC"]


# --- making files --------------------------------------------------------------------------------


def encode(image: Image.Image | NDArray[Any], kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(file, kind, **options)
    return file.getvalue()


def noise(height: int = 24, width: int = 40) -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def quadrants() -> NDArray[np.uint8]:
    """[32, 48, 3]: four flat colours, so that no turn or mirroring looks like another."""
    colours = np.array([[(230, 30, 30), (30, 230, 30)], [(30, 30, 230), (230, 230, 30)]], np.uint8)
    return colours.repeat(16, 0).repeat(24, 1)


def solid(mode: str, value: Any) -> Image.Image:
    return Image.new(mode, (4, 3), value)


def any_file(kind: str) -> bytes:
    """A valid file with enough content to be cut in the middle."""
    if kind == "HEIC":
        return heic(np.maximum(noise()[:16, :16, 0], np.uint8(16)))
    return encode(noise(), kind)


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    block[0x010F] = "a maker of cameras with a long name"
    return block.tobytes()


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", 8 + len(body)) + kind + body


def heic(
    luma: NDArray[np.uint8],
    *,
    turns: int = 0,
    exif_block: bytes | None = None,
    exif_type: bytes = b"Exif",
    size: tuple[int, int] = (16, 16),
    brands: bytes = b"heic\0\0\0\0mif1heic",
) -> bytes:
    """A grey HEIC photo of 16x16 pixels: one HEVC block stored as plain samples (PCM).

    There is no encoder to be had, but this much HEVC is a fixed frame round the samples.

    Args:
        luma: [16, 16] uint8, at least 16 everywhere, in the range 16-235 of video.
        turns: quarter turns counterclockwise, the container's own orientation.
        exif_block: a TIFF structure.
        exif_type: what it is declared to be.
        size: what the header claims.
        brands: of the container.
    """
    sets = {
        32: "40010c01ffff03700000030090000003000003001ef024",
        33: "42010103700000030090000003000003001ea08845fd6f1775c1",
        34: "4401c07180a480",
    }
    hvcc = bytes.fromhex("010370000000900000000000" + "1ef000fcfdf8f800000f03")
    for kind, unit in sets.items():
        raw = bytes.fromhex(unit)
        hvcc += struct.pack(">BHH", 0x80 | kind, 1, len(raw)) + raw
    frame = bytes.fromhex("2601af8680") + luma.tobytes() + b"\x80" * 128 + bytes.fromhex("fe80")
    items = [struct.pack(">I", len(frame)) + frame]
    entries = [box(b"infe", struct.pack(">IHH", 0x02000000, 1, 0), b"hvc1\0")]
    if exif_block is not None:
        items.append(bytes(4) + exif_block)
        entries.append(box(b"infe", struct.pack(">IHH", 0x02000000, 2, 0), exif_type, b"\0"))
    properties = [
        box(b"hvcC", hvcc),
        box(b"ispe", bytes(4), struct.pack(">II", *size)),
        box(b"irot", bytes([turns])),
    ]
    ftyp = box(b"ftyp", brands)

    def meta(offset: int) -> bytes:
        places = b""
        for number, item in enumerate(items, 1):
            places += struct.pack(">HHHII", number, 0, 1, offset, len(item))
            offset += len(item)
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"pitm", bytes(4), struct.pack(">H", 1)),
            box(b"iloc", struct.pack(">IBBH", 0, 0x44, 0, len(items)), places),
            box(b"iinf", struct.pack(">IH", 0, len(items)), *entries),
            box(b"iref", bytes(4), box(b"cdsc", struct.pack(">HHH", 2, 1, 1))),
            box(
                b"iprp",
                box(b"ipco", *properties),
                box(b"ipma", struct.pack(">IIHB", 0, 1, 1, 3), b"\x81\x02\x83"),
            ),
        )

    return ftyp + meta(len(ftyp) + len(meta(0)) + 8) + box(b"mdat", *items)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, bits: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = b"".join([chunk(b"IHDR", header), *extra, chunk(b"IDAT", zlib.compress(rows, 9))])
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def tiff(pixels: bytes, tags: dict[int, int]) -> bytes:
    """A little-endian TIFF whose tags 273 or 324 (where the pixels are) are filled in."""
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b""
    for tag, value in sorted(tags.items()):
        entries += struct.pack("<HHII", tag, 4, 1, start if tag in (273, 324) else value)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + pixels


def grey_tiff(pixels: bytes, width: int, height: int, **more: int) -> bytes:
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1, 278: height}
    return tiff(pixels, tags | {279: len(pixels)} | {int(k[1:]): v for k, v in more.items()})


def gif(screen: tuple[int, int], frame: tuple[int, int]) -> bytes:
    head = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x80, 0, 0) + bytes([0, 0, 0, 255, 255, 255])
    return head + b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02\x44\x01\x00;"


def webp_vp8x(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size
    body += encode(noise(1, 1), "WEBP", lossless=True)[12:]
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_vp8l(width: int, height: int) -> bytes:
    data = bytearray(encode(noise(1, 1), "WEBP", lossless=True))
    data[21:25] = struct.pack("<I", (width - 1) | (height - 1) << 14)
    return bytes(data)


def webp_vp8(width: int, height: int) -> bytes:
    data = bytearray(encode(noise(16, 16), "WEBP"))
    data[26:30] = struct.pack("<HH", width, height)
    return bytes(data)


def jpeg_claiming(width: int, height: int) -> bytes:
    data = bytearray(encode(noise(16, 16), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def bmp_claiming(width: int, height: int) -> bytes:
    data = bytearray(encode(noise(4, 4), "BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def avif_claiming(width: int, height: int) -> bytes:
    data = bytearray(encode(noise(16, 16), "AVIF"))
    at = data.index(b"ispe")
    data[at + 8 : at + 16] = struct.pack(">II", width, height)
    return bytes(data)


# --- looking at results --------------------------------------------------------------------------


def refused(error: type[FaceageError], data: bytes, limits: ImageLimits | None = None) -> str:
    """The message of the error that must come, checked to be fit for a stranger's eyes."""
    with pytest.raises(FaceageError) as caught:
        decode(data, limits or ImageLimits())
    assert type(caught.value) is error, caught.value
    assert caught.value.field is None
    for leak in ("0x", "BytesIO", "Traceback", "/", "\n"):
        assert leak not in caught.value.message
    return caught.value.message


def assert_photo(array: NDArray[np.uint8], height: int, width: int) -> None:
    assert array.shape == (height, width, 3)
    assert array.dtype == np.uint8
    assert array.flags.c_contiguous
    assert array.flags.writeable  # or torch.from_numpy complains


def assert_solid(array: NDArray[np.uint8], colour: tuple[int, int, int], within: int = 0) -> None:
    assert_photo(array, 3, 4)
    assert np.abs(array.astype(int) - colour).max() <= within, array[0, 0]


def run_apart(script: str, path: Path) -> str:
    """What a script prints in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return run.stdout.strip()


def grey(value: int) -> tuple[int, int, int]:
    return value, value, value


# --- formats -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "options"), LOSSLESS)
def test_lossless_formats_come_back_exactly(kind: str, options: dict[str, Any]) -> None:
    array = decode(encode(noise(), kind, **options))
    assert_photo(array, 24, 40)
    np.testing.assert_array_equal(array, noise())


@pytest.mark.parametrize(("kind", "options"), LOSSY)
def test_lossy_formats_come_back_closely(kind: str, options: dict[str, Any]) -> None:
    array = decode(encode(quadrants(), kind, **options))
    assert_photo(array, 32, 48)
    assert np.abs(array.astype(int) - quadrants()).mean() < 4


def test_gif_comes_back_exactly_within_its_palette() -> None:
    np.testing.assert_array_equal(decode(encode(quadrants(), "GIF")), quadrants())


def test_avif_is_part_of_this_pillow() -> None:
    assert features.check("avif")


@pytest.mark.parametrize("brands", [b"heic\0\0\0\0mif1heic", b"mif1\0\0\0\0mif1heic"])
def test_heic(brands: bytes) -> None:
    luma = np.repeat(np.array([[16, 235], [126, 16]], np.uint8).repeat(8, 0), 8, 1)
    array = decode(heic(luma, brands=brands))
    assert_photo(array, 16, 16)
    # Video range: 16 is black, 235 is white.
    expected = np.repeat(np.array([[0, 255], [128, 0]]).repeat(8, 0), 8, 1)
    assert np.abs(array.astype(int) - expected[..., None]).max() <= 1


def test_avif_that_names_itself_by_the_container_first() -> None:
    data = encode(solid("RGB", COLOUR), "AVIF", quality=100)
    assert data[8:12] == b"avif"
    assert_solid(decode(data[:8] + b"mif1" + data[12:]), COLOUR, within=3)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_sample_photos(path: Path) -> None:
    array = decode(path.read_bytes())
    with Image.open(path) as image:
        assert_photo(array, image.height, image.width)
        np.testing.assert_array_equal(array, np.asarray(image.convert("RGB")))


def test_there_are_sample_photos() -> None:
    assert {path.suffix for path in SAMPLES} == {".jpg", ".png"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
def test_a_single_pixel(kind: str) -> None:
    array = decode(encode(Image.new("RGB", (1, 1), (255, 255, 255)), kind))
    assert_photo(array, 1, 1)
    assert array.min() >= 250


def test_a_very_wide_picture() -> None:
    assert_photo(decode(encode(Image.new("RGB", (20_000, 10)), "PNG")), 10, 20_000)


# --- modes ---------------------------------------------------------------------------------------


def lab() -> Image.Image:
    return Image.new("RGB", (4, 3), COLOUR).convert("LAB")


def palette(transparency: int | bytes | None = None) -> bytes:
    image = Image.new("P", (4, 3), 1)
    image.putpalette([*grey(9), *COLOUR, *grey(7)])
    options = {} if transparency is None else {"transparency": transparency}
    return encode(image, "PNG", **options)


def ycck_jpeg() -> bytes:
    """A CMYK file whose Adobe transform is set to 2, so that its first planes are read as YCbCr.

    The planes are stored inverted: Y is 55 and neutral, which stands for 200 without ink, and the
    fourth for no black.
    """
    data = encode(solid("CMYK", (200, 127, 127, 0)), "JPEG", quality=100, subsampling=0)
    at = data.index(b"Adobe")
    assert data[at + 11] == 0
    return data[: at + 11] + b"\x02" + data[at + 12 :]


def rows16(*values: int) -> bytes:
    """Three PNG rows of four pixels with these 16-bit samples."""
    return (b"\0" + struct.pack(f">{len(values)}H", *values) * 4) * 3


TIFF_F = np.array([[-1.0, 0.0, 1.0, 3.0]] * 3, np.float32)
EXACT_MODES = {
    "1 black": (encode(solid("1", 0), "PNG"), grey(0)),
    "1 white": (encode(solid("1", 1), "PNG"), grey(255)),
    "1 BMP": (encode(solid("1", 1), "BMP"), grey(255)),
    "1 TIFF, white is zero": (grey_tiff(b"\xf0" * 3, 4, 3, t258=1, t262=0), grey(0)),
    "L PNG": (encode(solid("L", 77), "PNG"), grey(77)),
    "L TIFF": (encode(solid("L", 77), "TIFF"), grey(77)),
    "L BMP": (encode(solid("L", 77), "BMP"), grey(77)),
    "L GIF": (encode(solid("L", 77), "GIF"), grey(77)),
    "L;4 PNG": (png(4, 3, 4, 0, b"\0\xaa\xaa" * 3), grey(0xAA)),
    "P": (palette(), COLOUR),
    "P, another entry transparent": (palette(2), COLOUR),
    "P, its entry transparent": (palette(1), grey(255)),
    "P, its entry half transparent": (palette(b"\xff\x80\xff"), (227, 177, 152)),
    "I;16 PNG": (png(4, 3, 16, 0, rows16(0x9C40)), grey(0x9C)),
    "I;16 PNG, white": (png(4, 3, 16, 0, rows16(0xFFFF)), grey(255)),
    "I;16 PNG, dark": (png(4, 3, 16, 0, rows16(0x00FF)), grey(0)),
    "I;16 TIFF": (encode(np.full((3, 4), 0x9C40, "<u2"), "TIFF"), grey(0x9C)),
    "I;16B TIFF": (encode(np.full((3, 4), 0x9C40, ">u2"), "TIFF"), grey(0x9C)),
    "RGB 16 PNG": (png(4, 3, 16, 2, rows16(0xC8FF, 0x6400, 0x3280)), COLOUR),
    "LA": (encode(solid("LA", (77, 255)), "PNG"), grey(77)),
    "LA, clear": (encode(solid("LA", (77, 0)), "PNG"), grey(255)),
    "LA 16 PNG, clear": (png(4, 3, 16, 4, rows16(0x9C40, 0)), grey(255)),
    "RGBA": (encode(solid("RGBA", (*COLOUR, 255)), "PNG"), COLOUR),
    "RGBA, clear": (encode(solid("RGBA", (*COLOUR, 0)), "PNG"), grey(255)),
    "RGBA, half": (encode(solid("RGBA", (*COLOUR, 128)), "PNG"), (227, 177, 152)),
    "RGBA WebP": (encode(solid("RGBA", (*COLOUR, 128)), "WEBP", lossless=True), (227, 177, 152)),
    "RGBA TIFF": (encode(solid("RGBA", (*COLOUR, 128)), "TIFF"), (227, 177, 152)),
    "RGBA 16 PNG": (png(4, 3, 16, 6, rows16(0xC8FF, 0x6400, 0x3280, 0xFFFF)), COLOUR),
    "RGB with a transparent colour": (
        encode(solid("RGB", COLOUR), "PNG", transparency=COLOUR),
        grey(255),
    ),
    "L with a transparent value": (encode(solid("L", 77), "PNG", transparency=77), grey(255)),
    "CMYK TIFF": (encode(solid("CMYK", (55, 155, 205, 0)), "TIFF"), COLOUR),
    "CMYK TIFF, black ink": (encode(solid("CMYK", (0, 0, 0, 255)), "TIFF"), grey(0)),
    "PA TIFF": (encode(solid("P", 0).convert("PA"), "TIFF"), grey(0)),
}
CLOSE_MODES = {
    "L JPEG": (encode(solid("L", 77), "JPEG"), grey(77)),
    "YCbCr JPEG": (encode(solid("RGB", COLOUR), "JPEG"), COLOUR),
    "RGB JPEG, no YCbCr": (encode(solid("RGB", COLOUR), "JPEG", keep_rgb=True), COLOUR),
    "CMYK JPEG of Adobe, inverted": (encode(solid("CMYK", (55, 155, 205, 0)), "JPEG"), COLOUR),
    "YCCK JPEG": (ycck_jpeg(), grey(200)),
    "YCbCr TIFF": (encode(solid("RGB", COLOUR), "TIFF", compression="jpeg"), COLOUR),
    "LAB TIFF": (encode(lab(), "TIFF"), COLOUR),
    "RGBA AVIF": (encode(solid("RGBA", (*COLOUR, 128)), "AVIF"), (227, 177, 152)),
}


@pytest.mark.parametrize("mode", EXACT_MODES)
def test_every_mode_becomes_rgb(mode: str) -> None:
    data, colour = EXACT_MODES[mode]
    assert_solid(decode(data), colour)


@pytest.mark.parametrize("mode", CLOSE_MODES)
def test_every_lossy_mode_becomes_rgb(mode: str) -> None:
    data, colour = CLOSE_MODES[mode]
    assert_solid(decode(data), colour, within=3)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[-1.0, 0.0, 1.0, 3.0]], np.float32), [0, 64, 128, 255]),
        (np.array([[0.0, 0.5, np.inf, np.nan]], np.float32), [0, 255, 255, 0]),
        (np.array([[-3e38, 0.0, 3e38, 3e38]], np.float32), [0, 128, 255, 255]),
        (np.full((1, 4), 0.7, np.float32), [0, 0, 0, 0]),
        (np.full((1, 4), np.nan, np.float32), [0, 0, 0, 0]),
        (np.array([[0, 1000, 2000, 4000]], np.int32), [0, 64, 128, 255]),
        (np.array([[-(2**31), 0, 0, 2**31 - 1]], np.int32), [0, 128, 128, 255]),
    ],
)
def test_32_bit_values_are_stretched_over_their_own_range(
    values: NDArray[Any], expected: list[int]
) -> None:
    array = decode(encode(values, "TIFF"))
    np.testing.assert_array_equal(array[0], np.array(expected)[:, None].repeat(3, 1))


# --- orientation ---------------------------------------------------------------------------------

# What a camera stores for an upright photo, by the definition of each EXIF value.
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


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("orientation", [None, 1, 3, 6, 8])
def test_heic_is_turned_once_and_by_its_container_only(turns: int, orientation: int | None) -> None:
    luma = np.repeat(np.array([[40, 90], [150, 220]], np.uint8).repeat(8, 0), 8, 1)
    block = None if orientation is None else exif(orientation)
    array = decode(heic(luma, turns=turns, exif_block=block))
    np.testing.assert_array_equal(array, decode(heic(np.rot90(luma, turns).copy())))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(orientation: int) -> None:
    np.testing.assert_array_equal(decode(encode(noise(), "PNG", exif=exif(orientation))), noise())


# Pillow warns about such blocks; how warnings are treated is up to the application.
@pytest.mark.filterwarnings("ignore")
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
def test_a_broken_exif_block_does_no_harm(kind: str, at: int, garbage: bytes) -> None:
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
    np.testing.assert_array_equal(decode(bytes(broken)), decode(data))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("offset", [0, 3, 100, 0xFFFFFFFF])
def test_a_tiff_with_a_lost_exif_directory(offset: int) -> None:
    data = grey_tiff(bytes(range(12)), 4, 3, t274=3, t34665=offset)
    np.testing.assert_array_equal(decode(data)[..., 0], np.arange(12)[::-1].reshape(3, 4))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("block", [b"", b"garbage!", b"MM\0*\xff\xff\xff\xff"])
def test_a_heic_with_a_broken_exif_block(block: bytes) -> None:
    assert_photo(decode(heic(np.full((16, 16), 100, np.uint8), exif_block=block)), 16, 16)


def test_a_heic_that_would_take_the_process_down(tmp_path: Path) -> None:
    """It holds metadata of a type that is not UTF-8; decoded in a process of its own."""
    photo = np.full((16, 16), 235, np.uint8)
    (tmp_path / "x").write_bytes(heic(photo, exif_block=exif(6), exif_type=b"Ex\xfff"))
    script = """
import sys
from pathlib import Path
from faceage_core.images import decode
print(decode(Path(sys.argv[1]).read_bytes()).mean())
"""
    assert run_apart(script, tmp_path / "x") == "255.0"


# --- several frames ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG", "MPO"])
def test_the_first_frame_counts(kind: str) -> None:
    frames = [Image.new("RGB", (4, 3), colour) for colour in (COLOUR, (0, 0, 255))]
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:])
    with Image.open(io.BytesIO(data)) as image:
        assert getattr(image, "n_frames", 1) == 2
    assert_solid(decode(data), COLOUR, within=3)


def test_a_gif_frame_smaller_than_its_screen() -> None:
    assert_photo(decode(gif((5, 4), (1, 1))), 4, 5)


def test_a_gif_frame_beyond_its_screen() -> None:
    assert_photo(decode(gif((1, 1), (1, 1))), 1, 1)
    assert "0.0 megapixels" not in refused(
        ImageTooLarge, gif((1, 1), (9000, 9000)), ImageLimits(max_pixels=1_000_000)
    )


# --- damage --------------------------------------------------------------------------------------


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


# --- other files ---------------------------------------------------------------------------------


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


# --- limits --------------------------------------------------------------------------------------


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
    start = time.perf_counter()
    try:
        decode(data)
    except FaceageError as error:
        found[name] = error.code, time.perf_counter() - start
print(json.dumps(found))
"""
    found = json.loads(run_apart(script, tmp_path))
    assert {name: code for name, (code, _) in found.items()} == dict.fromkeys(
        BOMBS, "image_too_large"
    )
    assert max(seconds for _, seconds in found.values()) < 1


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_compressed_text_that_unpacks_to_much(kind: bytes) -> None:
    packed = zlib.compress(bytes(50_000_000), 9)
    body = {
        b"zTXt": b"Comment\0\0" + packed,
        b"iTXt": b"Comment\0\1\0\0\0" + packed,
        b"iCCP": b"profile\0\0" + packed,
    }[kind]
    refused(UnreadableImage, png(4, 3, 8, 0, b"\0\1\1\1\1" * 3, chunk(kind, body)))


# --- the rest ------------------------------------------------------------------------------------


def test_many_threads_see_the_same_pixels() -> None:
    files = [any_file(kind) for kind in FORMATS] + [encode(noise(), "PNG", exif=exif(6))]
    expected = [decode(data) for data in files]
    with ThreadPoolExecutor(8) as pool:
        arrays = list(pool.map(decode, files * 10))
    for index, array in enumerate(arrays):
        np.testing.assert_array_equal(array, expected[index % len(files)])


SEEDS = [
    encode(noise(), "JPEG", exif=exif(6)),
    encode(noise(), "JPEG", progressive=True),
    encode(noise(), "PNG", exif=exif(3)),
    palette(b"\xff\x80\xff"),
    png(4, 3, 16, 0, rows16(0x9C40)),
    encode(noise(), "WEBP", exif=exif(8)),
    encode(noise(), "WEBP", lossless=True),
]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=500, deadline=None)
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    kept=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_damaged_files_end_in_an_array_or_an_error_of_ours(
    seed: bytes, changes: list[tuple[float, int]], kept: float
) -> None:
    data = bytearray(seed)
    for place, value in changes:
        # Squared, as most of what decides lies in the header.
        data[int(place**2 * len(data))] = value
    try:
        array = decode(bytes(data[: int(kept * len(data))]), ImageLimits(max_pixels=1_000_000))
    except (ImageTooLarge, UnreadableImage, UnsupportedFormat) as error:
        message = error.message
        assert "BytesIO" not in message
    else:
        assert_photo(array, *array.shape[:2])
