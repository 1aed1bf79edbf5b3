"""Bytes to an upright RGB array, for whatever a phone, a camera, a scanner or a browser writes.

Uploads are not to be trusted, so the order matters: the length, then the signature, then the size
that the header claims and what else about the file would cost much, and only then the pixels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

from faceage_core.errors import FaceageError, ImageTooLarge, UnreadableImage
from faceage_core.images.kinds import kind_of
from faceage_core.images.opening import open_picture
from faceage_core.images.orientation import orientation
from faceage_core.images.pixels import to_rgb

_MB = 1024 * 1024
_MEGAPIXEL = 1_000_000


@dataclass(frozen=True)
class ImageLimits:
    """How large a photo may be.

    Attributes:
        max_bytes: of the file.
        max_pixels: width times height, as the header of the file claims them.
    """

    max_bytes: int = 15 * _MB
    max_pixels: int = 40_000_000


_DEFAULT_LIMITS = ImageLimits()

_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def decode(data: bytes, limits: ImageLimits = _DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """Decodes a photo: JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF.

    Of an animation or a document the first frame is taken, of a HEIC the primary one. Transparent
    parts become white, which is how viewers and browsers show a cut-out portrait. Colour profiles
    are ignored: pixels are taken for sRGB, and CMYK is converted by the plain formula. 16-bit
    values lose their lower byte. 32-bit integers and floats, which have no agreed white, are
    stretched so that their own smallest value becomes 0 and their largest 255.

    Args:
        data: the whole file.
        limits: how large it may be.

    Returns:
        [H, W, 3] uint8 RGB, C-contiguous and writable, upright as its EXIF or its container says.

    Raises:
        ImageTooLarge: it has more bytes or, as its header says, more pixels than `limits` allow.
        UnsupportedFormat: it is a known kind of file, but none that is read here.
        UnreadableImage: it is empty, no picture at all, damaged or cut short.
    """
    if not data:
        raise UnreadableImage("the photo is empty: it has 0 bytes")
    check_bytes(len(data), limits)
    kind = kind_of(data)
    try:
        return _read(data, kind, limits)
    except FaceageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # Left to Pillow only in a GIF whose frame reaches beyond the screen that it declares.
        allowed = limits.max_pixels / _MEGAPIXEL
        raise ImageTooLarge(
            f"a frame of the {kind} photo is too large, at most {allowed:g} megapixels are allowed"
        ) from error
    except Exception as error:  # On hostile bytes Pillow raises next to anything.
        raise UnreadableImage(
            f"the {kind} photo is damaged, cut short or of a rare variety that is not read"
        ) from error


def check_bytes(size: int, limits: ImageLimits = _DEFAULT_LIMITS) -> None:
    """What `decode` says of a file of so many bytes, for who would rather not read it first.

    Raises:
        ImageTooLarge: it has more than `limits` allow.
    """
    _check_size(size, limits.max_bytes, _MB, "MB")


def _check_size(value: int, limit: int, unit: int, name: str) -> None:
    if value > limit:
        # Rounded up, so that a value just above its limit does not read like the limit.
        shown = -(-10 * value // unit) / 10
        raise ImageTooLarge(
            f"the photo has {shown:.1f} {name}, at most {limit / unit:g} are allowed"
        )


def _read(data: bytes, kind: str, limits: ImageLimits) -> NDArray[np.uint8]:
    if kind == "WebP":
        _check_size(_webp_pixels(data), limits.max_pixels, _MEGAPIXEL, "megapixels")
    image = open_picture(data, kind)
    _check_size(_claimed_pixels(image), limits.max_pixels, _MEGAPIXEL, "megapixels")
    image.load()
    rgb, turn = to_rgb(image), _turn(image)
    return np.array(rgb if turn is None else rgb.transpose(turn), dtype=np.uint8)


def _webp_pixels(data: bytes) -> int:
    """Width times height by the header; needed early, as Pillow allocates the canvas on opening."""
    if data[12:16] == b"VP8X":
        return (1 + _little(data[24:27])) * (1 + _little(data[27:30]))
    if data[12:16] == b"VP8L":
        packed = _little(data[21:25])
        return (1 + (packed & 0x3FFF)) * (1 + (packed >> 14 & 0x3FFF))
    return (_little(data[26:28]) & 0x3FFF) * (_little(data[28:30]) & 0x3FFF)


def _little(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _claimed_pixels(image: Image.Image) -> int:
    """Width times height; of one tile where a TIFF's are larger, as they are decoded whole."""
    tags: Any = image.tag_v2 if isinstance(image, TiffImageFile) else {}
    tile = int(tags.get(TILEWIDTH, 0)) * int(tags.get(TILELENGTH, 0))
    return max(image.width * image.height, tile)


def _turn(loaded: Image.Image) -> Image.Transpose | None:
    """What brings the photo upright, or None.

    Not to be asked before it is loaded: a PNG may say so after its pixels. A TIFF has been turned
    by Pillow then.
    """
    if isinstance(loaded, TiffImageFile):
        return None
    return _TRANSPOSE.get(orientation(loaded.info))
