"""Malicious files that are expensive to decode, and the parts to build them."""

import struct
from collections.abc import Sequence

from tests.core.images.factories import encode, noise

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
# A grey image of 4 x 3 pixels; the pixels follow the directory.
GREY = {256: 4, 257: 3, 258: 8, 259: 1, 262: 1, 277: 1, 278: 3, 279: 12}
PIXELS = bytes(range(12))

Entry = tuple[int, int, int, int | None]


def directory(
    entries: Sequence[Entry], tail: bytes = b"", *, order: str = "<", following: int = 0
) -> bytes:
    """A TIFF with one directory, or an EXIF block.

    Args:
        entries: tag, type, count, and the value; None is the offset of the tail.
        tail: bytes after the directory.
        order: byte order, as in `struct`.
        following: the offset of the next directory.
    """
    end = 8 + 2 + 12 * len(entries) + 4
    head = b"II*\0" if order == "<" else b"MM\0*"
    body = b""
    for tag, kind, count, value in entries:
        body += struct.pack(order + "HHL", tag, kind, count)
        if kind == SHORT and count == 1:
            body += struct.pack(order + "HH", value, 0)
        else:
            body += struct.pack(order + "L", end if value is None else value)
    top = head + struct.pack(order + "LH", 8, len(entries))
    return top + body + struct.pack(order + "L", following) + tail


def grey_entries(*more: Entry) -> list[Entry]:
    """The entries of a grey image, and additional ones."""
    plain: list[Entry] = [(tag, LONG, 1, value) for tag, value in GREY.items()]
    return [*plain, (273, LONG, 1, None), *more]


def overlapping(first: Sequence[Entry]) -> bytes:
    """A directory with 1,500 entries that all point to the same 2 MB."""
    more: list[Entry] = [(40_000 + index, BYTE, 2 << 20, None) for index in range(1500)]
    return directory([*first, *more], bytes(2 << 20))


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(body)) + body


def insert_after_soi(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def exif_segments(block: bytes, size: int = 65_000) -> list[bytes]:
    parts = range(0, len(block), size)
    return [segment(0xE1, b"Exif\0\0" + block[at : at + size]) for at in parts]


def repeated_scan(times: int) -> bytes:
    """A progressive JPEG whose last scan is repeated `times` more times."""
    data = encode(noise(), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * times + data[-2:]


def insert_before_frame(gif: bytes, *blocks: bytes) -> bytes:
    """Insert blocks before the first frame of a GIF."""
    at = 13 + (3 << (gif[10] & 7) + 1 if gif[10] & 0x80 else 0)
    return gif[:at] + b"".join(blocks) + gif[at:]
