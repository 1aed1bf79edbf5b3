"""One picture of a source becomes one row: read, checked, hashed, cut and encoded.

What comes out depends on the picture's bytes, its entry and the options alone, never on the
pictures beside it.
"""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from faceage_core.data.prepare.duplicates import perceptual_hash
from faceage_core.data.prepare.face_cropper import SubjectCutter
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.schema import Entry, Rejection
from faceage_core.data.storage import Folder
from faceage_core.errors import FaceageError
from faceage_core.images import check_file_size, decode
from faceage_core.images.formats import detect_format
from faceage_core.images.openers import open_image
from faceage_core.images.orientation import UPRIGHT, read_orientation


@dataclass(frozen=True)
class Picture:
    """A picture as it will be stored.

    Attributes:
        entry: what its source says of it.
        image: the encoded picture.
        width: of that, in pixels.
        height: likewise.
        sha256: of the source's file.
        perceptual_hash: of the source's picture.
    """

    entry: Entry
    image: bytes
    width: int
    height: int
    sha256: str
    perceptual_hash: str


class PictureMaker:
    """Makes pictures as the options say; owns the detector, where one is wanted."""

    def __init__(self, options: PrepareOptions) -> None:
        self._options = options
        self._cutter: SubjectCutter | None = None
        if options.crop == "detect":
            self._cutter = SubjectCutter.load(options.size_px, options.margin)

    def make(self, source: Folder, entry: Entry) -> Picture | Rejection:
        """Read one picture and prepare it; whatever is wrong with it is a value, not an error."""
        try:
            data = source.read(entry.path, check_file_size)
            image = decode(data)
            looks = perceptual_hash(image)
            stored, width, height = self._stored(data, image, entry)
        except FaceageError as error:
            reason = "unreadable_file" if error.code == "storage_error" else error.code
            return Rejection(entry.name, reason, error.message)
        return Picture(
            entry=entry,
            image=stored,
            width=width,
            height=height,
            sha256=hashlib.sha256(data).hexdigest(),
            perceptual_hash=looks,
        )

    def _stored(
        self, data: bytes, image: NDArray[np.uint8], entry: Entry
    ) -> tuple[bytes, int, int]:
        """The bytes to store, and their picture's width and height."""
        if self._cutter is not None:
            image = self._cutter.cut(image, entry.box)
        elif self._options.size_px:
            image = fitted(image, self._options.size_px)
        elif _plain(data):
            return data, image.shape[1], image.shape[0]
        return encoded(image, self._options.quality), image.shape[1], image.shape[0]


def fitted(image: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """The largest square in the middle of a picture, at the size asked for.

    Args:
        image: [H, W, 3] uint8 RGB.
        size_px: the side that results.

    Returns:
        [size_px, size_px, 3] uint8 RGB.
    """
    square = ImageOps.fit(Image.fromarray(image), (size_px, size_px), Image.Resampling.LANCZOS)
    return np.asarray(square)


def encoded(image: NDArray[np.uint8], quality: int) -> bytes:
    """A picture, [H, W, 3] uint8 RGB, as a JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _plain(data: bytes) -> bool:
    """Whether any reader shows these bytes as they are meant: a common format, already upright."""
    kind = detect_format(data)
    if kind not in ("JPEG", "PNG"):
        return False
    image = open_image(data, kind)
    if kind == "PNG":
        image.load()  # It may say how it is to be turned after its pixels.
    return read_orientation(image.info) == UPRIGHT and image.mode in ("RGB", "L")
