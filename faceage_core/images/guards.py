"""Against files that are small, well-formed enough, and made to cost a lot of time or memory.

Pillow and its decoders take what a file claims at its word: a directory whose thousand entries all
name the same two megabytes is copied a thousand times, a scan that is repeated a thousand times is
decoded as often, and comments are joined one by one. So these parts of a file are looked over
first, at a cost that grows with the file's length alone. What no camera, editor or browser writes
is refused; what decides nothing is left out.
"""

import re
import struct

from faceage_core.errors import UnreadableImage

_KB = 1024

# Encoders write 10 scans or so.
_MAX_SCANS = 100
# 15 MB fill 240 segments of the largest size.
_MAX_SEGMENTS = 500
_MAX_JUNK_BYTES = 256 * _KB
_SCAN, _END = 0xDA, 0xD9
# Two bytes that begin a segment, or end the picture. In the pixels' data, FF is followed by 0 or by
# one of the restart marks, D0 to D7; what is below C0 decoders skip, or stop at.
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
# Marks without a length: before the pixels, Pillow goes on behind them where libjpeg stops.
_BARE = frozenset({0xC8, 0xD8, 0xD9, *range(0xF0, 0xFE)})

# As in libtiff, which takes longer ones for no directory at all.
_MAX_ENTRIES = 4096
# Of offsets, counts and the like; a row each of the largest photos makes some 80,000.
_MAX_NUMBERS = 128 * 1024
# Bytes per value, by type, as Pillow reads them; it skips entries of any other type.
_TIFF_BYTES = dict(enumerate((1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4), start=1)) | {16: 8}
_TIFF_STRINGS = (1, 2, 7)


def check_jpeg(data: bytes) -> None:
    """Refuse a JPEG of very many scans, or of very many segments between them.

    Raises:
        UnreadableImage: it is refused.
    """
    scans = segments = junk = 0
    at = 2
    while found := _MARKER.search(data, at):
        marker = found[1][0]
        if not scans:
            junk += found.start() - at
        if marker in _BARE:
            if not scans:
                raise UnreadableImage("the JPEG photo is damaged: it ends before its pixels")
            return
        scans += marker == _SCAN
        segments += 1
        if scans > _MAX_SCANS:
            raise UnreadableImage(f"the JPEG photo is refused: it has more than {_MAX_SCANS} scans")
        if segments > _MAX_SEGMENTS:
            raise UnreadableImage(
                f"the JPEG photo is refused: it has more than {_MAX_SEGMENTS} segments"
            )
        if junk > _MAX_JUNK_BYTES:
            raise UnreadableImage("the JPEG photo is damaged: it has junk between its segments")
        length = data[found.end() : found.end() + 2]
        at = found.end() + max(2, int.from_bytes(length, "big"))


def without_gif_extensions(data: bytes) -> bytes:
    """A GIF without what precedes its first frame, save the screen and how that frame is shown.

    Comments and applications' own blocks decide nothing, and Pillow joins them in quadratic time.

    Raises:
        IndexError: it is cut short.
    """
    table = 3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0
    at = 13 + table
    head, control = data[:at], b""
    while data[at] != ord(","):
        start = at
        at += 1
        if data[start] == ord("!"):
            at += 1
            while data[at]:
                at += 1 + data[at]
            at += 1
            if data[start + 1] == 0xF9:
                control = data[start:at]  # The last one counts, there should be one only.
        elif data[start] == ord(";"):
            break
    return head + control + data[at:]


def mended_tiff(data: bytes) -> bytes:
    """A TIFF whose first directory is fit to be read, which is the only one that is.

    Entries that lie outside of the file are marked as of no type, so that they are skipped: Pillow
    warns about them and reads no further.

    Raises:
        UnreadableImage: the directory is larger than a photo's can be, or its entries overlap.
        Exception: of any other type, where it is cut short.
    """
    if data[:4] == b"MM\0+":
        raise UnreadableImage("a TIFF photo with 64-bit offsets in big-endian order is not read")
    order = "<" if data[:2] == b"II" else ">"
    big = data[2] == ord("+")
    (start,) = struct.unpack_from(order + ("Q" if big else "L"), data, 8 if big else 4)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, start)
    entry, inline = struct.Struct(order + ("HHQQ" if big else "HHLL")), 8 if big else 4
    first = start + (8 if big else 2)
    last = min(first + count * entry.size, len(data) - entry.size + 1)
    places = range(first, last, entry.size)
    if len(places) > _MAX_ENTRIES:
        raise UnreadableImage(
            f"the TIFF photo is refused: its directory has more than {_MAX_ENTRIES} entries"
        )
    total = numbers = 0
    lost = []
    for at in places:
        _, kind, values, offset = entry.unpack_from(data, at)
        size = values * _TIFF_BYTES.get(kind, 0)
        if size > inline:
            if offset + size > len(data):
                lost.append(at)
                continue
            total += size
        if kind not in _TIFF_STRINGS:
            numbers += values if size else 0
    if total > len(data):
        raise UnreadableImage("the TIFF photo is refused: its metadata overlap")
    if numbers > _MAX_NUMBERS:
        raise UnreadableImage(
            f"the TIFF photo is refused: its directory lists more than {_MAX_NUMBERS} numbers"
        )
    return _untyped(data, lost) if lost else data


def _untyped(data: bytes, entries: list[int]) -> bytes:
    mended = bytearray(data)
    for at in entries:
        mended[at + 2 : at + 4] = b"\0\0"
    return bytes(mended)
