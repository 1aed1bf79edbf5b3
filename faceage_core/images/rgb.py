"""Conversion of every Pillow mode to 8-bit RGB on a white background."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Values converted at a time, so that their float64 copies take a few MB.
_BLOCK = 1 << 18


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert an image to mode RGB.

    Transparent parts become white. 16-bit values lose their lower byte. 32-bit integers and floats
    are scaled so that the smallest value becomes 0 and the largest 255.
    """
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        image = Image.fromarray(scale_to_uint8(np.asarray(image)))
    elif image.mode == "La":  # Pillow converts it to LA only.
        image = image.convert("LA")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba)
        return white
    return image if image.mode == "RGB" else image.convert("RGB")


def scale_to_uint8(values: NDArray[np.int32] | NDArray[np.float32]) -> NDArray[np.uint8]:
    """Scale [H, W] to uint8: the smallest finite value becomes 0, the largest 255."""
    low, high = np.inf, -np.inf
    for block in _blocks(values):
        finite = block[np.isfinite(block)]
        low, high = finite.min(initial=low), finite.max(initial=high)
    if low > high:  # No value is finite.
        low = high = 0.0
    scale = 255 / (high - low) if high > low else 0.0
    scaled = np.empty(values.size, np.uint8)
    for index, block in enumerate(_blocks(values)):
        np.nan_to_num(block, copy=False, nan=low, posinf=high, neginf=low)
        scaled[index * _BLOCK : index * _BLOCK + block.size] = np.rint((block - low) * scale)
    return scaled.reshape(values.shape)


def _blocks(values: NDArray[np.int32] | NDArray[np.float32]) -> Iterator[NDArray[np.float64]]:
    """All values in order, as float64 copies; float32 is not exact for large integers."""
    flat = values.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        yield flat[start : start + _BLOCK].astype(np.float64)
