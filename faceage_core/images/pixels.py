"""Any mode that Pillow decodes to, as 8-bit RGB on white."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Values that are worked on at once, so that their float64 copies take a few MB.
_BLOCK = 1 << 18


def to_rgb(image: Image.Image) -> Image.Image:
    """The picture in mode RGB.

    Transparent parts become white. 16-bit values lose their lower byte. 32-bit integers and floats
    are stretched so that their own smallest value becomes 0 and their largest 255.
    """
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("I", "F"):
        image = Image.fromarray(stretched(np.asarray(image)))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba)
        return white
    return image if image.mode == "RGB" else image.convert("RGB")


def stretched(values: NDArray[np.int32] | NDArray[np.float32]) -> NDArray[np.uint8]:
    """[H, W] of any range to [H, W] uint8: the smallest finite value 0, the largest 255."""
    low, high = np.inf, -np.inf
    for block in _blocks(values):
        finite = block[np.isfinite(block)]
        low, high = finite.min(initial=low), finite.max(initial=high)
    if low > high:  # No value is finite.
        low = high = 0.0
    scale = 255 / (high - low) if high > low else 0.0
    shown = np.empty(values.size, np.uint8)
    for index, block in enumerate(_blocks(values)):
        np.nan_to_num(block, copy=False, nan=low, posinf=high, neginf=low)
        shown[index * _BLOCK : index * _BLOCK + block.size] = np.rint((block - low) * scale)
    return shown.reshape(values.shape)


def _blocks(values: NDArray[np.int32] | NDArray[np.float32]) -> Iterator[NDArray[np.float64]]:
    """Copies of all values, in order, some at a time: float32 cannot tell large integers apart."""
    flat = values.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        yield flat[start : start + _BLOCK].astype(np.float64)
