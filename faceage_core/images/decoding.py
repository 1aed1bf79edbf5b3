"""Encoded bytes to an upright RGB array, for the formats of phones, cameras, scanners and browsers.

Uploads are untrusted, so the checks come in order of their cost: the number of bytes, the
signature, the size that the header states and other expensive parts of the file, then the pixels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile

from faceage_core.errors import FaceageError, ImageTooLarge, UnreadableImage
from faceage_core.images.formats import detect_format
from faceage_core.images.openers import open_image
from faceage_core.images.orientation import read_orientation
from faceage_core.images.rgb import to_rgb

_MB = 1024 * 1024
_MEGAPIXEL = 1_000_000


@dataclass(frozen=True)
class ImageLimits:
    """Size limits of a photo.

    Attributes:
        max_bytes: size of the file.
        max_pixels: width times height, as stated by the file's header.
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


def decode(
    data: bytes, limits: ImageLimits = _DEFAULT_LIMITS, *, shown_size: tuple[int, int] | None = None
) -> NDArray[np.uint8]:
    """Decode a photo: JPEG, PNG, WebP, GIF, BMP, TIFF, HEIC or AVIF.

    The first frame of an animation or of a multi-page file is decoded, and the primary image of a
    HEIC. Transparent parts become white, as in viewers and browsers. Colour profiles are ignored:
    RGB values are treated as sRGB, and CMYK is converted by the simple formula. 16-bit values lose
    their lower byte. 32-bit integers and floats have no defined white level; they are scaled so
    that the smallest value of the image becomes 0 and the largest 255.

    Args:
        data: the whole file.
        limits: its size limits.
        shown_size: width and height, upright, at which the caller shows the photo. A larger JPEG is
            then decoded at 1/2, 1/4 or 1/8 of its size, not below `shown_size`, in less time. None:
            the full size.

    Returns:
        [H, W, 3] uint8 RGB, C-contiguous and writable, turned upright by the orientation in its
        EXIF, its XMP or its container.

    Raises:
        ImageTooLarge: the file has more bytes, or its header states more pixels, than allowed.
        UnsupportedFormat: the file has a known format that is not supported.
        UnreadableImage: the file is empty, not an image, damaged or truncated.
    """
    if not data:
        raise UnreadableImage("the photo is empty: it has 0 bytes")
    check_file_size(len(data), limits)
    format_name = detect_format(data)
    try:
        return _read(data, format_name, limits, shown_size)
    except FaceageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # Reached only by a GIF with a frame larger than the screen that its header declares.
        allowed = limits.max_pixels / _MEGAPIXEL
        raise ImageTooLarge(
            f"a frame of the {format_name} photo is too large, "
            f"at most {allowed:g} megapixels are allowed"
        ) from error
    except Exception as error:  # Pillow raises many types on malformed bytes.
        raise UnreadableImage(
            f"the {format_name} photo is damaged, truncated or of an unsupported variant"
        ) from error


def check_file_size(size_bytes: int, limits: ImageLimits = _DEFAULT_LIMITS) -> None:
    """Check the size of a file before reading it; `decode` makes the same check.

    Raises:
        ImageTooLarge: the file has more bytes than allowed.
    """
    _check_limit(size_bytes, limits.max_bytes, _MB, "MB")


def check_pixels(pixels: int, limits: ImageLimits = _DEFAULT_LIMITS) -> None:
    """Check width times height of a photo before decoding or copying it.

    Raises:
        ImageTooLarge: the photo has more pixels than allowed.
    """
    _check_limit(pixels, limits.max_pixels, _MEGAPIXEL, "megapixels")


def upright_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """The pixels of a Pillow image; it is loaded if that has not been done.

    Returns:
        A new array, [H, W, 3] uint8 RGB, turned upright by the image's EXIF or XMP.

    Raises:
        Exception: of any type, if the image's file is damaged.
    """
    image.load()
    rgb, transpose = to_rgb(image), _upright_transpose(image)
    return np.array(rgb if transpose is None else rgb.transpose(transpose), dtype=np.uint8)


def _check_limit(value: int, limit: int, unit: int, name: str) -> None:
    if value > limit:
        # Rounded up, so that a value just above the limit is not printed as the limit.
        shown = -(-10 * value // unit) / 10
        raise ImageTooLarge(
            f"the photo has {shown:.1f} {name}, at most {limit / unit:g} are allowed"
        )


def _read(
    data: bytes, format_name: str, limits: ImageLimits, shown_size: tuple[int, int] | None
) -> NDArray[np.uint8]:
    if format_name == "WebP":
        check_pixels(_webp_pixels(data), limits)
    image = open_image(data, format_name)
    check_pixels(_header_pixels(image), limits)
    if shown_size is not None:
        # Only a JPEG can be decoded at a fraction of its size. Its orientation is not known yet.
        longer, shorter = max(shown_size), min(shown_size)
        wide = image.width >= image.height
        image.draft(None, (longer, shorter) if wide else (shorter, longer))
    return upright_rgb(image)


def _webp_pixels(data: bytes) -> int:
    """Width times height in the header; Pillow allocates the whole canvas when it opens a WebP."""
    if data[12:16] == b"VP8X":
        return (1 + _little_endian(data[24:27])) * (1 + _little_endian(data[27:30]))
    if data[12:16] == b"VP8L":
        packed = _little_endian(data[21:25])
        return (1 + (packed & 0x3FFF)) * (1 + (packed >> 14 & 0x3FFF))
    return (_little_endian(data[26:28]) & 0x3FFF) * (_little_endian(data[28:30]) & 0x3FFF)


def _little_endian(raw: bytes) -> int:
    return int.from_bytes(raw, "little")


def _header_pixels(image: Image.Image) -> int:
    """Width times height, or the pixels of a TIFF's tile if more: a tile is decoded as a whole."""
    tags: Any = image.tag_v2 if isinstance(image, TiffImageFile) else {}
    tile = int(tags.get(TILEWIDTH, 0)) * int(tags.get(TILELENGTH, 0))
    return max(image.width * image.height, tile)


def _upright_transpose(loaded: Image.Image) -> Image.Transpose | None:
    """The operation that turns the photo upright, None if it is upright.

    The image must be loaded: a PNG may store its EXIF after the pixels, and Pillow turns a TIFF
    while loading it.
    """
    if isinstance(loaded, TiffImageFile):
        return None
    return _TRANSPOSE.get(read_orientation(loaded.info))
