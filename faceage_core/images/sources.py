"""What callers have - a path, bytes, a Pillow image, an array - as what the pipeline takes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR, S_ISREG

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from faceage_core.errors import FaceageError, InvalidArgument, UnreadableImage
from faceage_core.files.names import printable_name
from faceage_core.images.decoding import (
    ImageLimits,
    check_file_size,
    check_pixels,
    decode_photo,
    upright_rgb,
)

ImageSource = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image | NDArray[np.uint8]
)
"""A photo as callers have it: the path of a file, its bytes, a Pillow image, or an array."""

ImageData = bytes | NDArray[np.uint8]
"""A photo as the pipeline takes it: an encoded file, or upright pixels, [H, W, 3] uint8 RGB."""

_SHAPES = "[H, W, 3] RGB, [H, W, 4] RGBA or [H, W] grey"


def load_image(source: ImageSource, field: str, limits: ImageLimits = ImageLimits()) -> ImageData:
    """Read a photo. Files and bytes are not decoded yet; the detector does it.

    Args:
        source: the path of a file; the bytes of a file; a Pillow image of any mode, which is turned
            upright by its EXIF or XMP; or a uint8 array: [H, W, 3] RGB, [H, W, 4] RGBA or [H, W]
            grey, taken as upright. Transparent parts become white, as in a file.
        field: the name of the input in error messages, such as "image_1".
        limits: size limits of a photo.

    Returns:
        Bytes for a path and for bytes, otherwise a new array, [H, W, 3] uint8 RGB.

    Raises:
        UnreadableImage: the file cannot be read, or the photo is empty or damaged.
        ImageTooLarge: the photo has more bytes or pixels than allowed.
        InvalidArgument: the source has another type, or the array another dtype or shape.
    """
    with _naming(field):
        return _load(source, limits)


def load_pixels(
    source: ImageSource,
    field: str,
    limits: ImageLimits = ImageLimits(),
    *,
    least_side_px: int | None = None,
) -> NDArray[np.uint8]:
    """Read and decode a photo: `load_image`, then `decode_photo` for files and bytes.

    Args:
        source: the photo.
        field: the name for messages.
        limits: its size limits.
        least_side_px: as for `decode_photo`.

    Returns:
        [H, W, 3] uint8 RGB, upright.

    Raises:
        FaceageError: as `load_image` and `decode_photo`.
    """
    with _naming(field):
        data = _load(source, limits)
        if isinstance(data, np.ndarray):
            return data
        return decode_photo(data, limits, least_side_px=least_side_px).pixels


def file_name(source: ImageSource) -> str | None:
    """The printable name of the file, without its folder; None if the source is not a path."""
    if not isinstance(source, str | os.PathLike):
        return None
    path = Path(os.fsdecode(source))
    return printable_name(path.name or str(path))


def is_photo(value: object) -> bool:
    """Whether a value is one photo, and not a collection of photos such as [N, H, W, 3]."""
    if isinstance(value, np.ndarray):
        return value.ndim < 4
    return isinstance(value, str | os.PathLike | bytes | bytearray | memoryview | Image.Image)


@contextmanager
def _naming(field: str) -> Iterator[None]:
    try:
        yield
    except FaceageError as error:
        raise error.with_field(field) from error.__cause__


def _load(source: ImageSource, limits: ImageLimits) -> ImageData:
    if isinstance(source, str | os.PathLike):
        return _read_file(source, limits)
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, Image.Image):
        return _read_pillow(source, limits)
    if isinstance(source, np.ndarray):
        return _read_array(source, limits)
    raise InvalidArgument(
        "a photo must be a path, bytes, a Pillow image or a NumPy array, got "
        f"{type(source).__name__}"
    )


def _read_file(source: str | os.PathLike[str], limits: ImageLimits) -> bytes:
    path, name = Path(os.fsdecode(source)), repr(file_name(source))
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):  # Reading a pipe or a device may never end.
            kind = "a folder" if S_ISDIR(status.st_mode) else "not a file"
            raise UnreadableImage(f"{name} is {kind}")
        check_file_size(status.st_size, limits)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UnreadableImage(f"there is no file {name}") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        reason = getattr(error, "strerror", None) or "not a valid path"
        raise UnreadableImage(f"{name} cannot be read: {reason}") from error


def _read_pillow(image: Image.Image, limits: ImageLimits) -> NDArray[np.uint8]:
    _check_size(*image.size, limits)
    try:
        return upright_rgb(image)
    except Exception as error:  # Pillow reads the file now, and raises many types if it is damaged.
        raise UnreadableImage(
            f"the Pillow image, mode {image.mode}, is closed, damaged or truncated"
        ) from error


def _read_array(array: NDArray[np.uint8], limits: ImageLimits) -> NDArray[np.uint8]:
    if array.dtype != np.uint8:
        raise InvalidArgument(f"an array must have the dtype uint8 (0-255), got {array.dtype}")
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise InvalidArgument(f"an array must be {_SHAPES}, got {list(array.shape)}")
    _check_size(array.shape[1], array.shape[0], limits)
    if array.shape[2:] == (3,):
        return np.array(array, order="C")  # a copy: the caller may change or share the array
    return upright_rgb(Image.fromarray(np.ascontiguousarray(array)))


def _check_size(width: int, height: int, limits: ImageLimits) -> None:
    if not width * height:
        raise UnreadableImage("the photo is empty: it has 0 pixels")
    check_pixels(width * height, limits)
