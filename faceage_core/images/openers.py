"""Bytes to an open Pillow image, whose pixels are not decoded yet; one function for each format.

The Pillow plugin of the detected format is called directly: no other plugin reads the bytes,
nothing is registered with Pillow, and its global settings have no effect. No plugin may read a
directory of metadata, except the first one of a TIFF, which describes the image.
"""

import re
from collections.abc import Callable
from io import BytesIO

import pi_heif
from PIL import ExifTags, Image
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from faceage_core.images.formats import unsupported_format
from faceage_core.images.orientation import xmp_orientation
from faceage_core.images.sanitizers import check_jpeg, sanitize_tiff, strip_gif_extensions


def open_image(data: bytes, format_name: str) -> Image.Image:
    """Open an image with Pillow.

    Args:
        data: the whole file.
        format_name: one of `formats.SUPPORTED_FORMATS`.

    Raises:
        UnreadableImage: the file would take too much time or memory to decode.
        UnsupportedFormat: the file is a camera raw file.
        Exception: of other types, if the file is damaged.
    """
    return _OPENERS[format_name](data)


class _Jpeg(JpegImageFile):
    def getexif(self) -> Image.Exif:
        """Empty: Pillow calls it on opening to read the resolution, which is not needed."""
        return Image.Exif()


class _Tiff(TiffImageFile):
    def getexif(self) -> Image.Exif:
        """Only the orientation: Pillow calls it on loading to turn the image upright."""
        exif = Image.Exif()
        found = self.tag_v2.get(ExifTags.Base.Orientation, xmp_orientation(self.info))
        if found is not None:
            exif[ExifTags.Base.Orientation] = found
        return exif


def _open_jpeg(data: bytes) -> Image.Image:
    check_jpeg(data)
    return _Jpeg(BytesIO(data))


def _open_gif(data: bytes) -> Image.Image:
    return GifImageFile(BytesIO(strip_gif_extensions(data)))


def _open_tiff(data: bytes) -> Image.Image:
    image = _Tiff(BytesIO(sanitize_tiff(data)))
    if int(image.tag_v2.get(ExifTags.Base.NewSubfileType, 0)) & 1:
        # The first image of DNG, NEF and others is a small preview, not the photo.
        raise unsupported_format("camera raw")
    return image


def _open_heic(data: bytes) -> Image.Image:
    """Open a HEIC without its metadata, which are not needed: the container has the orientation.

    pi_heif 1.4 crashes the process if the type of a metadata item (linked by a "cdsc" reference)
    is not valid UTF-8. Renamed references are skipped. The pattern includes the reference's length
    (its first byte is zero up to 16 MB), so that it matches pixel data only once in 2**40 bytes.
    """
    clean = re.sub(rb"(\0...)cdsc", rb"\1none", data, flags=re.DOTALL)
    opened: Image.Image = pi_heif.HeifImageFile(BytesIO(clean))
    return opened


def _open_avif(data: bytes) -> Image.Image:
    """Open an AVIF without its metadata; its container has the orientation, as in a HEIC.

    Pillow would read a whole EXIF directory, and the decoder rejects a photo with a broken one.
    Items of an unknown type are skipped; the list of the items holds their types.
    """
    clean = re.sub(rb"(infe.{8}(?:..)?)(?:Exif|mime)", rb"\1none", data, flags=re.DOTALL)
    return AvifImageFile(BytesIO(clean))


_OPENERS: dict[str, Callable[[bytes], Image.Image]] = {
    "JPEG": _open_jpeg,
    "PNG": lambda data: PngImageFile(BytesIO(data)),
    "WebP": lambda data: WebPImageFile(BytesIO(data)),
    "GIF": _open_gif,
    "BMP": lambda data: BmpImageFile(BytesIO(data)),
    "TIFF": _open_tiff,
    "HEIC": _open_heic,
    "AVIF": _open_avif,
}
