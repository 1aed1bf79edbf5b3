"""Bytes to an upright RGB array, for whatever a phone, a camera, a scanner or a browser writes.

Uploads are not to be trusted, so the order matters: the length, then the signature, then the size
that the header claims, and only then the pixels. The signature picks one plugin of Pillow, which is
called directly: no other plugin ever sees the bytes, nothing is registered with Pillow, and no
global of it decides anything in place of `ImageLimits`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pi_heif
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from faceage_core.errors import FaceageError, ImageTooLarge, UnreadableImage, UnsupportedFormat

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

# How files begin; the first match wins. What _OPENERS lacks is here only to be refused by name.
_SIGNATURES = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "WebP": rb"RIFF.{4}WEBP",
    "GIF": rb"GIF8[79]a",
    # Before TIFF, whose signature some of them share: it would find a thumbnail in them.
    "camera raw": rb"II\*\0.{4}CR|IIU\0|IIR[OS]\x08\0|MMOR|FUJIFILMCCD-RAW|.{4}ftypcrx ",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    # Containers of the same make: their brands tell them apart, and "mif1" alone leaves it open.
    "AVIF": rb".{4}ftyp(?:.{4}){0,12}?avi[fs]",
    "HEIC": rb".{4}ftyp(?:.{4}){0,12}?(?:hei[cmsx]|hev[cmsx]|mif1|msf1)",
    "MP4 or QuickTime video": rb".{4}(?:ftyp|moov|mdat)",
    "WebM or Matroska video": rb"\x1aE\xdf\xa3",
    "AVI video": rb"RIFF.{4}AVI ",
    "JPEG XL": rb"\xff\x0a|\0\0\0\x0cJXL ",
    "JPEG 2000": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "PSD": rb"8BPS",
    "ICO": rb"\0\0[\1\2]\0[^\0]",
    "PDF": rb"%PDF-",
    "EPS": rb"%!PS|\xc5\xd0\xd3\xc6",
    "SVG": rb"(?i)(?:\xef\xbb\xbf)?\s*(?=<\?xml|<!doctype svg|<svg)(?!.*<html).*<svg\b",
    "Netpbm": rb"P[1-7]\s+[\d#W]",
    "XCF": rb"gimp xcf",
    "ZIP archive": rb"PK\x03\x04",
    "BMP": rb"BM",
}
_PATTERNS = {kind: re.compile(pattern, re.DOTALL) for kind, pattern in _SIGNATURES.items()}
_HEAD_BYTES = 1024

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
    _check_size(len(data), limits.max_bytes, _MB, "MB")
    kind = _kind(data)
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


def _check_size(value: int, limit: int, unit: int, name: str) -> None:
    if value > limit:
        # Rounded up, so that a value just above its limit does not read like the limit.
        shown = -(-10 * value // unit) / 10
        raise ImageTooLarge(
            f"the photo has {shown:.1f} {name}, at most {limit / unit:g} are allowed"
        )


def _kind(data: bytes) -> str:
    """The name of a format that is read here, by the file's signature."""
    head = data[:_HEAD_BYTES]
    kind = next((kind for kind, pattern in _PATTERNS.items() if pattern.match(head)), None)
    if kind is None:
        raise UnreadableImage(f"the file is not a picture; the formats read are {_readable()}")
    if kind not in _OPENERS:
        raise _unsupported(kind)
    return kind


def _unsupported(kind: str) -> UnsupportedFormat:
    return UnsupportedFormat(f"{kind} is not read; the formats read are {_readable()}")


def _readable() -> str:
    return ", ".join(_OPENERS)


def _read(data: bytes, kind: str, limits: ImageLimits) -> NDArray[np.uint8]:
    if kind == "WebP":
        _check_size(_webp_pixels(data), limits.max_pixels, _MEGAPIXEL, "megapixels")
    image = _OPENERS[kind](BytesIO(data))
    _check_size(_claimed_pixels(image), limits.max_pixels, _MEGAPIXEL, "megapixels")
    image.load()
    rgb, turn = _rgb(image), _turn(image)
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

    Not to be asked before it is loaded: Pillow itself turns a TIFF then, and takes the tag away.
    """
    try:
        return _TRANSPOSE.get(loaded.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # A photo with broken metadata is still a photo.
        return None


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode that Pillow decodes to, as mode RGB on white."""
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        image = Image.fromarray(_stretched(np.array(image, dtype=np.float64)))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba)
        return white
    return image if image.mode == "RGB" else image.convert("RGB")


def _stretched(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """[H, W] of any range to [H, W] uint8: the smallest finite value 0, the largest 255."""
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low)
    scale = 255 / (high - low) if high > low else 0.0
    return np.rint((values - low) * scale).astype(np.uint8)


def _open_tiff(file: BytesIO) -> TiffImageFile:
    image = TiffImageFile(file)
    if int(image.tag_v2.get(ExifTags.Base.NewSubfileType, 0)) & 1:
        # DNG, NEF and others begin with a small preview: better refused than taken for the photo.
        raise _unsupported("camera raw")
    return image


def _open_heic(file: BytesIO) -> Image.Image:
    """Opens it without its metadata, which decide nothing: the container says how it is turned.

    pi_heif 1.4 takes the whole process down when an item that describes ("cdsc") the photo is of a
    type that is not UTF-8. Under another name the reference is skipped. Matching the length before
    it, which begins with a zero up to 16 MB, keeps the pixels out of it but for one in 2**40 bytes.
    """
    clean = re.sub(rb"(\0...)cdsc", rb"\1none", file.getvalue(), flags=re.DOTALL)
    opened: Image.Image = pi_heif.HeifImageFile(BytesIO(clean))
    return opened


def _open_avif(file: BytesIO) -> AvifImageFile:
    try:
        return AvifImageFile(file)
    except ValueError:
        # The decoder refuses a whole photo for a broken EXIF block, so retry without: an item of
        # an unknown type is skipped. The list of the items precedes their data.
        return AvifImageFile(BytesIO(file.getvalue().replace(b"Exif", b"none", 1)))


_OPENERS: dict[str, Callable[[BytesIO], Image.Image]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WebP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
    "TIFF": _open_tiff,
    "HEIC": _open_heic,
    "AVIF": _open_avif,
}
