"""Photos to pixels: `decode` for untrusted files, `load_image` for whatever a caller has."""

from faceage_core.images.decoding import (
    ImageLimits,
    Photo,
    check_file_size,
    decode,
    decode_photo,
)
from faceage_core.images.sources import ImageData, ImageSource, load_image, load_pixels

__all__ = [
    "ImageData",
    "ImageLimits",
    "ImageSource",
    "Photo",
    "check_file_size",
    "decode",
    "decode_photo",
    "load_image",
    "load_pixels",
]
