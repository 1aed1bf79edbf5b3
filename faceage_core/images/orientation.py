"""The orientation of a photo, read from its EXIF or XMP metadata.

Pillow's EXIF reader copies the data of every entry, and in a malicious file all entries can point
to the same data: 2 MB of EXIF took 3 GB of memory. This reader looks at one entry only.
"""

import re
import struct
from collections.abc import Mapping
from typing import Any

UPRIGHT = 1
_TAG, _SHORT, _LONG = 0x0112, 3, 4
# Byte order by TIFF header; the last two are invalid, but occur in real files.
_ORDERS = {b"II*\0": "<", b"MM\0*": ">", b"II\0*": "<", b"MM*\0": ">"}
_EXIF = b"Exif\0\0"
_IN_XMP = re.compile(rb'tiff:Orientation(?:="|>)([0-9])')


def read_orientation(info: Mapping[Any, Any]) -> int:
    """The orientation in a photo's EXIF or, without one there, in its XMP.

    Args:
        info: the `info` dictionary of the Pillow image.

    Returns:
        1 to 8 as defined by EXIF, 1 if the metadata have none. An undefined value in the file is
        returned as it is.
    """
    block = info.get("exif")
    if block is None and "Raw profile type exif" in info:
        block = _raw_profile(info["Raw profile type exif"])
    # A PNG can have text named "exif", which is not an EXIF block.
    found = exif_orientation(block) if isinstance(block, bytes) else None
    if found is None:
        found = xmp_orientation(info)
    return UPRIGHT if found is None else found


def exif_orientation(block: bytes) -> int | None:
    """The orientation in an EXIF block, None if it has none or is broken."""
    start = 0
    while block.startswith(_EXIF, start):
        start += len(_EXIF)
    order = _ORDERS.get(block[start : start + 4])
    if order is None:
        return None
    try:
        (directory,) = struct.unpack_from(order + "L", block, start + 4)
        (count,) = struct.unpack_from(order + "H", block, start + directory)
        for at in range(start + directory + 2, start + directory + 2 + 12 * count, 12):
            tag, kind, values = struct.unpack_from(order + "HHL", block, at)
            if tag == _TAG and kind in (_SHORT, _LONG) and values == 1:
                found = struct.unpack_from(order + ("H" if kind == _SHORT else "L"), block, at + 8)
                return int(found[0])
    except struct.error:  # An offset points beyond the end of the block.
        pass
    return None


def xmp_orientation(info: Mapping[Any, Any]) -> int | None:
    """The orientation in a photo's XMP, None if it has none."""
    xmp = info.get("XML:com.adobe.xmp") or info.get("xmp")
    if isinstance(xmp, str):
        xmp = xmp.encode(errors="replace")
    found = _IN_XMP.search(xmp) if isinstance(xmp, bytes) else None
    return None if found is None else int(found[1])


def _raw_profile(text: str) -> bytes | None:
    """Parse ImageMagick's EXIF text in a PNG: an empty line, a name, a length, hex digits."""
    try:
        return bytes.fromhex(text.split("\n", 3)[3])
    except (IndexError, ValueError):
        return None
