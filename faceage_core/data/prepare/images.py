"""Prepare one image of a source: read, check, hash, crop and encode it.

The result depends on the image's bytes, its entry and the options alone, never on other images.
"""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from faceage_core.data.prepare.duplicates import perceptual_hash
from faceage_core.data.prepare.face_cropper import FaceCropper
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.schema import Entry, Rejection
from faceage_core.data.storage import Folder
from faceage_core.errors import FaceageError
from faceage_core.images import check_file_size, decode
from faceage_core.images.formats import detect_format
from faceage_core.images.openers import open_image
from faceage_core.images.orientation import UPRIGHT, read_orientation


@dataclass(frozen=True)
class PreparedImage:
    """An image as it will be stored.

    Attributes:
        entry: the labels that the source states.
        image: the encoded image.
        width: its width in pixels.
        height: its height in pixels.
        sha256: of the source's file.
        perceptual_hash: of the source's image, uncropped.
    """

    entry: Entry
    image: bytes
    width: int
    height: int
    sha256: str
    perceptual_hash: str


class ImagePreparer:
    """Prepares images as the options say; owns the detector if the options need one."""

    def __init__(self, options: PrepareOptions) -> None:
        self._options = options
        self._cropper: FaceCropper | None = None
        if options.crop == "detect":
            self._cropper = FaceCropper.load(options.size_px, options.margin)

    def prepare(self, source: Folder, entry: Entry) -> PreparedImage | Rejection:
        """Read and prepare one image; an unusable image is a Rejection, not an exception."""
        try:
            data = source.read(entry.path, check_file_size)
            image = decode(data)
            image_hash = perceptual_hash(image)
            stored, width, height = self._encode(data, image, entry)
        except FaceageError as error:
            reason = "unreadable_file" if error.code == "storage_error" else error.code
            return Rejection(entry.name, reason, error.message)
        return PreparedImage(
            entry=entry,
            image=stored,
            width=width,
            height=height,
            sha256=hashlib.sha256(data).hexdigest(),
            perceptual_hash=image_hash,
        )

    def _encode(
        self, data: bytes, image: NDArray[np.uint8], entry: Entry
    ) -> tuple[bytes, int, int]:
        """The bytes to store, and the width and height of their image."""
        if self._cropper is not None:
            image = self._cropper.crop(image, entry.box)
        elif self._options.size_px:
            image = center_square(image, self._options.size_px)
        elif _can_be_stored(data):
            return data, image.shape[1], image.shape[0]
        return encode_jpeg(image, self._options.quality), image.shape[1], image.shape[0]


def center_square(image: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """The largest square in the center of an image, resized.

    Args:
        image: [H, W, 3] uint8 RGB.
        size_px: the side of the result.

    Returns:
        [size_px, size_px, 3] uint8 RGB.
    """
    square = ImageOps.fit(Image.fromarray(image), (size_px, size_px), Image.Resampling.LANCZOS)
    return np.asarray(square)


def encode_jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    """Encode an image, [H, W, 3] uint8 RGB, as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _can_be_stored(data: bytes) -> bool:
    """Whether every reader decodes these bytes alike: a common format and mode, already upright."""
    kind = detect_format(data)
    if kind not in ("JPEG", "PNG"):
        return False
    image = open_image(data, kind)
    if kind == "PNG":
        image.load()  # A PNG may state its orientation after its pixels.
    return read_orientation(image.info) == UPRIGHT and image.mode in ("RGB", "L")
