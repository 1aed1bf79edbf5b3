"""Panels to draw, and where in a picture is what."""

import numpy as np
from numpy.typing import NDArray

from faceage_core.render import Label, Panel, Verdict, render_comparison
from faceage_core.render.layout import Rect, lay_out
from faceage_core.types import Box

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
PHOTO = (10, 60, 30)  # unlike every colour that is drawn
SAME = Verdict(True, 0.953, 0.925)
DIFFERENT = Verdict(False, 0.41, 0.925)
ODD_SIZES = [(1, 1), (12, 12), (60, 80), (20_000, 10), (10, 20_000), (8_000, 5_000)]


def flat(width: int, height: int) -> Pixels:
    return np.full((height, width, 3), PHOTO, dtype=np.uint8)


def panel(width: int, height: int, *labels: Label, caption: str = "photo.jpg") -> Panel:
    return Panel(flat(width, height), caption, labels)


def face(
    x1: float, y1: float, x2: float, y2: float, *, text: str = "48 y  (41-55)", chosen: bool = True
) -> Label:
    return Label(Box(x1, y1, x2, y2), text, chosen)


def is_colour(picture: Pixels, colour: tuple[int, int, int]) -> Mask:
    red, green, blue = (picture[..., i] == colour[i] for i in range(3))
    return np.asarray(red & green & blue)


def differs(a: Pixels, b: Pixels) -> Mask:
    red, green, blue = (a[..., i] != b[..., i] for i in range(3))
    return np.asarray(red | green | blue)


def cut(picture: Pixels, rect: Rect) -> Pixels:
    left, top, right, bottom = rect
    return picture[top:bottom, left:right]


def inside(rect: Rect, area: Rect) -> bool:
    return area[0] <= rect[0] < rect[2] <= area[2] and area[1] <= rect[1] < rect[3] <= area[3]


def bounds(mask: Mask) -> Rect:
    ys, xs = np.nonzero(mask)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def crowd(columns: int, rows: int, gap: float) -> tuple[Label, ...]:
    """Faces of 100 x 100 in a grid, gap pixels apart; the one in the middle is chosen."""
    step = 100 + gap
    chosen = (rows // 2) * columns + columns // 2
    boxes = [
        (gap + x * step, gap + y * step, gap + x * step + 100, gap + y * step + 100)
        for y in range(rows)
        for x in range(columns)
    ]
    return tuple(face(*box, chosen=i == chosen) for i, box in enumerate(boxes))


def bar(verdict: Verdict, size: tuple[int, int] = (512, 512)) -> Pixels:
    picture = render_comparison(panel(*size), panel(*size), verdict)
    return cut(picture, lay_out(size, size).verdict)
