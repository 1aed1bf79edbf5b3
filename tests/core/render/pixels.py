"""Colours and regions of a picture."""

import numpy as np
from numpy.typing import NDArray

from faceage_core.render.layout import Rect

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def has_colour(picture: Pixels, colour: tuple[int, int, int]) -> Mask:
    red, green, blue = (picture[..., i] == colour[i] for i in range(3))
    return np.asarray(red & green & blue)


def differs(a: Pixels, b: Pixels) -> Mask:
    red, green, blue = (a[..., i] != b[..., i] for i in range(3))
    return np.asarray(red | green | blue)


def crop(picture: Pixels, rect: Rect) -> Pixels:
    left, top, right, bottom = rect
    return picture[top:bottom, left:right]


def is_inside(rect: Rect, area: Rect) -> bool:
    return area[0] <= rect[0] < rect[2] <= area[2] and area[1] <= rect[1] < rect[3] <= area[3]


def bounds(mask: Mask) -> Rect:
    ys, xs = np.nonzero(mask)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1
