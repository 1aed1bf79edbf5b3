"""Image files in every format: valid, unusual and damaged."""

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.conftest import REPOSITORY

SAMPLES = sorted((REPOSITORY / "samples").glob("*.[jp][pn]g"))
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


def encode(image: Image.Image | NDArray[Any], kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(file, kind, **options)
    return file.getvalue()


def noise(height: int = 24, width: int = 40) -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3), dtype=np.uint8)


def quadrants() -> NDArray[np.uint8]:
    """[32, 48, 3]: four plain colours, different under every rotation and reflection."""
    colours = np.array([[(230, 30, 30), (30, 230, 30)], [(30, 30, 230), (230, 230, 30)]], np.uint8)
    return colours.repeat(16, 0).repeat(24, 1)


def solid(mode: str, value: Any) -> Image.Image:
    return Image.new(mode, (4, 3), value)


def any_file(kind: str) -> bytes:
    """A valid file, long enough to be truncated."""
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
    """A grey HEIC photo of 16x16 pixels: one HEVC block stored as raw samples (PCM).

    No encoder is installed, but this subset of HEVC is a fixed frame around the samples.

    Args:
        luma: [16, 16] uint8 in the video range 16-235.
        turns: quarter turns counterclockwise, stored in the container.
        exif_block: a TIFF structure.
        exif_type: the declared type of the EXIF block.
        size: width and height in the header.
        brands: brands of the container.
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
    """A little-endian TIFF; tag 273 or 324 is set to the offset of the pixels."""
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
    size = struct.pack("<I", (width - 1) | (height - 1) << 14)
    return patched(encode(noise(1, 1), "WEBP", lossless=True), 21, size)


def webp_vp8(width: int, height: int) -> bytes:
    return patched(encode(noise(16, 16), "WEBP"), 26, struct.pack("<HH", width, height))


def jpeg_with_header_size(width: int, height: int) -> bytes:
    data = encode(noise(16, 16), "JPEG")
    return patched(data, data.index(b"\xff\xc0") + 5, struct.pack(">HH", height, width))


def bmp_with_header_size(width: int, height: int) -> bytes:
    return patched(encode(noise(4, 4), "BMP"), 18, struct.pack("<ii", width, height))


def avif_with_header_size(width: int, height: int) -> bytes:
    data = encode(noise(16, 16), "AVIF")
    return patched(data, data.index(b"ispe") + 8, struct.pack(">II", width, height))


def patched(data: bytes, at: int, new: bytes) -> bytes:
    """The data with the bytes from offset `at` replaced by `new`."""
    return data[:at] + new + data[at + len(new) :]


def grey(value: int) -> tuple[int, int, int]:
    return value, value, value


def lab() -> Image.Image:
    return Image.new("RGB", (4, 3), COLOUR).convert("LAB")


def palette(transparency: int | bytes | None = None) -> bytes:
    image = Image.new("P", (4, 3), 1)
    image.putpalette([*grey(9), *COLOUR, *grey(7)])
    options = {} if transparency is None else {"transparency": transparency}
    return encode(image, "PNG", **options)


def ycck_jpeg() -> bytes:
    """A CMYK file whose Adobe transform is set to 2, so that its first planes are read as YCbCr.

    The planes are stored inverted: Y = 55 without colour means a grey of 200, and the fourth plane
    means no black.
    """
    data = encode(solid("CMYK", (200, 127, 127, 0)), "JPEG", quality=100, subsampling=0)
    at = data.index(b"Adobe")
    assert data[at + 11] == 0
    return patched(data, at + 11, b"\x02")


def rows16(*values: int) -> bytes:
    """Three PNG rows of four pixels with these 16-bit samples."""
    return (b"\0" + struct.pack(f">{len(values)}H", *values) * 4) * 3


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
