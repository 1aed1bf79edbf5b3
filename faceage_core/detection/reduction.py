"""Reduce a photo that is larger than a detector's limit: exactly to the limit, or in less time."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def reduce_photo(
    image: NDArray[np.uint8], max_side_px: int | None
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """A photo whose longer side is at most the limit.

    Args:
        image: [H, W, 3] uint8 RGB.
        max_side_px: the limit; None: no limit.

    Returns:
        The photo to search, and the factors (x, y) from its pixels to the original's pixels.
    """
    height, width = image.shape[:2]
    if max_side_px is None or max(height, width) <= max_side_px:
        return image, (1.0, 1.0)
    ratio = max_side_px / max(height, width)
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
    return small, (width / size[0], height / size[1])


def reduce_by_integer(
    image: NDArray[np.uint8], max_side_px: int | None
) -> tuple[NDArray[np.uint8], int]:
    """A photo whose longer side is at most the limit, and more than half of it.

    Args:
        image: [H, W, 3] uint8 RGB.
        max_side_px: the limit; None: no limit.

    Returns:
        The photo to search, and the factor from its pixels to the original's pixels.
    """
    factor = 1 if max_side_px is None else -(-max(image.shape[:2]) // max_side_px)
    return (image if factor == 1 else np.asarray(Image.fromarray(image).reduce(factor))), factor
