"""Protection against small files that take a lot of time or memory to decode.

Pillow and its decoders trust a file's structure: a directory with a thousand entries that all
point to the same two megabytes is copied a thousand times, a scan that is repeated a thousand times
is decoded a thousand times, and comments are joined one by one. These parts are therefore checked
before decoding, in time linear in the file's length. Structures that no camera, editor or browser
writes are rejected; parts that do not affect the image are removed.
"""

import re
import struct

from faceage_core.errors import UnreadableImage

_KB = 1024

# Encoders write about 10 scans.
_MAX_SCANS = 100
# A file of 15 MB holds 240 segments of the maximum size.
_MAX_SEGMENTS = 500
_MAX_JUNK_BYTES = 256 * _KB
_SCAN, _END = 0xDA, 0xD9
# Two bytes that start a segment or end the image. In pixel data, FF is followed by 0 or a restart
# marker, D0 to D7; decoders skip markers below C0, or stop there.
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
# Markers without a length. Before the pixels, Pillow continues after them, but libjpeg stops.
_STANDALONE = frozenset({0xC8, 0xD8, 0xD9, *range(0xF0, 0xFE)})

# The limit of libtiff.
_MAX_ENTRIES = 4096
# Offsets, counts and similar; the largest photos with one strip per row have about 80,000.
_MAX_NUMBERS = 128 * 1024
# Bytes per value by type, as in Pillow, which skips entries of other types.
_TIFF_BYTES = dict(enumerate((1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4), start=1)) | {16: 8}
_TIFF_STRINGS = (1, 2, 7)


def check_jpeg(data: bytes) -> None:
    """Check the number of scans and segments of a JPEG.

    Raises:
        UnreadableImage: it has too many, or junk between its segments, or no pixels.
    """
    scans = segments = junk = 0
    at = 2
    while found := _MARKER.search(data, at):
        marker = found[1][0]
        if not scans:
            junk += found.start() - at
        if marker in _STANDALONE:
            if not scans:
                raise UnreadableImage("the JPEG photo is damaged: it ends before its pixels")
            return
        scans += marker == _SCAN
        segments += 1
        if scans > _MAX_SCANS:
            raise UnreadableImage(
                f"the JPEG photo is rejected: it has more than {_MAX_SCANS} scans"
            )
        if segments > _MAX_SEGMENTS:
            raise UnreadableImage(
                f"the JPEG photo is rejected: it has more than {_MAX_SEGMENTS} segments"
            )
        if junk > _MAX_JUNK_BYTES:
            raise UnreadableImage("the JPEG photo is damaged: it has junk between its segments")
        length = data[found.end() : found.end() + 2]
        at = found.end() + max(2, int.from_bytes(length, "big"))


def strip_gif_extensions(data: bytes) -> bytes:
    """Remove the extensions before a GIF's first frame, except that frame's graphic control.

    Comments and application blocks do not affect the image, and Pillow joins them in quadratic
    time.

    Raises:
        IndexError: the file is truncated.
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
                control = data[start:at]  # The last one applies; there should be only one.
        elif data[start] == ord(";"):
            break
    return head + control + data[at:]


def sanitize_tiff(data: bytes) -> bytes:
    """Check the first directory of a TIFF, the only one that is read, and disable broken entries.

    The type of an entry whose data lie outside the file is set to zero, so that Pillow skips it;
    otherwise Pillow warns and reads no further.

    Raises:
        UnreadableImage: the directory is too large, or its entries overlap.
        Exception: of other types, if the file is truncated.
    """
    if data[:4] == b"MM\0+":
        raise UnreadableImage(
            "a TIFF photo with 64-bit offsets in big-endian order is not supported"
        )
    order = "<" if data[:2] == b"II" else ">"
    big = data[2] == ord("+")
    (start,) = struct.unpack_from(order + ("Q" if big else "L"), data, 8 if big else 4)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, start)
    entry, inline = struct.Struct(order + ("HHQQ" if big else "HHLL")), 8 if big else 4
    first = start + (8 if big else 2)
    last = min(first + count * entry.size, len(data) - entry.size + 1)
    entry_offsets = range(first, last, entry.size)
    if len(entry_offsets) > _MAX_ENTRIES:
        raise UnreadableImage(
            f"the TIFF photo is rejected: its directory has more than {_MAX_ENTRIES} entries"
        )
    total = numbers = 0
    broken = []
    for at in entry_offsets:
        _, value_type, values, offset = entry.unpack_from(data, at)
        size = values * _TIFF_BYTES.get(value_type, 0)
        if size > inline:
            if offset + size > len(data):
                broken.append(at)
                continue
            total += size
        if value_type not in _TIFF_STRINGS:
            numbers += values if size else 0
    if total > len(data):
        raise UnreadableImage("the TIFF photo is rejected: its metadata overlap")
    if numbers > _MAX_NUMBERS:
        raise UnreadableImage(
            f"the TIFF photo is rejected: its directory has more than {_MAX_NUMBERS} numbers"
        )
    return _disable_entries(data, broken) if broken else data


def _disable_entries(data: bytes, offsets: list[int]) -> bytes:
    sanitized = bytearray(data)
    for at in offsets:
        sanitized[at + 2 : at + 4] = b"\0\0"
    return bytes(sanitized)
