"""Files that are made to cost a lot, and the parts they are made of."""

import struct
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

from tests.core.images.making import encode, noise

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
# A grey picture of 4 x 3 pixels, whose pixels are what follows the directory.
GREY = {256: 4, 257: 3, 258: 8, 259: 1, 262: 1, 277: 1, 278: 3, 279: 12}
PIXELS = bytes(range(12))

Entry = tuple[int, int, int, int | None]


@contextmanager
def quickly(counts: float = 150) -> Iterator[None]:
    """Fails when what it encloses takes more CPU time than so many counts to a million.

    The ratio is the same on a slow or a busy machine; one count takes some 15 ms on a fast one.
    """
    start = time.process_time()
    yield
    end = time.process_time()
    for _ in range(1_000_000):
        pass
    assert end - start < counts * (time.process_time() - end)


@contextmanager
def in_little_memory(megabytes: float = 40) -> Iterator[None]:
    """Fails when what it encloses takes more of Python's memory; Pillow's pixels are not in it."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < megabytes * 2**20, peak / 2**20


def directory(
    entries: list[Entry], tail: bytes = b"", *, order: str = "<", following: int = 0
) -> bytes:
    """A TIFF of one directory, or a block of EXIF.

    Args:
        entries: tag, type, count, and the value; None is the offset of the tail.
        tail: what follows the directory.
        order: of the bytes.
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


def grey(*more: Entry) -> list[Entry]:
    """The entries of a grey picture, and more."""
    plain: list[Entry] = [(tag, LONG, 1, value) for tag, value in GREY.items()]
    return [*plain, (273, LONG, 1, None), *more]


def overlapping(first: list[Entry]) -> bytes:
    """A directory of 1,500 entries that all name the same 2 MB."""
    more: list[Entry] = [(40_000 + index, BYTE, 2 << 20, None) for index in range(1500)]
    return directory([*first, *more], bytes(2 << 20))


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(body)) + body


def after_soi(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def exif_segments(block: bytes, size: int = 65_000) -> list[bytes]:
    parts = range(0, len(block), size)
    return [segment(0xE1, b"Exif\0\0" + block[at : at + size]) for at in parts]


def repeated_scan(times: int) -> bytes:
    """A progressive JPEG whose last scan comes many times more."""
    data = encode(noise(), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * times + data[-2:]


def before_frame(gif: bytes, *blocks: bytes) -> bytes:
    """A GIF with more blocks in front of its first frame."""
    at = 13 + (3 << (gif[10] & 7) + 1 if gif[10] & 0x80 else 0)
    return gif[:at] + b"".join(blocks) + gif[at:]
