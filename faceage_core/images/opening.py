"""Bytes to an open picture, whose pixels are not decoded yet.

The signature has picked one plugin of Pillow, which is called directly: no other plugin ever sees
the bytes, nothing is registered with Pillow, and no global of it decides anything. No plugin gets
to read a directory of metadata, but for the first one of a TIFF, which holds the picture.
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

from faceage_core.images.guards import check_jpeg, mended_tiff, without_gif_extensions
from faceage_core.images.kinds import unsupported
from faceage_core.images.orientation import orientation_in_xmp


def open_picture(data: bytes, kind: str) -> Image.Image:
    """An open picture of Pillow.

    Args:
        data: the whole file.
        kind: one of `kinds.READ`.

    Raises:
        UnreadableImage: the file is one that would cost too much.
        UnsupportedFormat: it is a camera's raw file.
        Exception: of any other type, where the file is damaged.
    """
    return _OPENERS[kind](data)


class _Jpeg(JpegImageFile):
    def getexif(self) -> Image.Exif:
        """Nothing; it is called on opening, for a resolution that is of no use here."""
        return Image.Exif()


class _Tiff(TiffImageFile):
    def getexif(self) -> Image.Exif:
        """The orientation alone; it is called on loading, where Pillow turns a TIFF by itself."""
        exif = Image.Exif()
        found = self.tag_v2.get(ExifTags.Base.Orientation, orientation_in_xmp(self.info))
        if found is not None:
            exif[ExifTags.Base.Orientation] = found
        return exif


def _open_jpeg(data: bytes) -> Image.Image:
    check_jpeg(data)
    return _Jpeg(BytesIO(data))


def _open_gif(data: bytes) -> Image.Image:
    return GifImageFile(BytesIO(without_gif_extensions(data)))


def _open_tiff(data: bytes) -> Image.Image:
    image = _Tiff(BytesIO(mended_tiff(data)))
    if int(image.tag_v2.get(ExifTags.Base.NewSubfileType, 0)) & 1:
        # DNG, NEF and others begin with a small preview: better refused than taken for the photo.
        raise unsupported("camera raw")
    return image


def _open_heic(data: bytes) -> Image.Image:
    """Opens it without its metadata, which decide nothing: the container says how it is turned.

    pi_heif 1.4 takes the whole process down when an item that describes ("cdsc") the photo is of a
    type that is not UTF-8. Under another name the reference is skipped. Matching the length before
    it, which begins with a zero up to 16 MB, keeps the pixels out of it but for one in 2**40 bytes.
    """
    clean = re.sub(rb"(\0...)cdsc", rb"\1none", data, flags=re.DOTALL)
    opened: Image.Image = pi_heif.HeifImageFile(BytesIO(clean))
    return opened


def _open_avif(data: bytes) -> Image.Image:
    """Opens it without its metadata, as the container says how it is turned here, too.

    Pillow would read a whole directory of EXIF, and the decoder refuse a photo for a broken one.
    An item of an unknown type is skipped; the types stand in the list of the items.
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
