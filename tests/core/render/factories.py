"""Panels and labels to draw."""

import numpy as np

from faceage_core.render import FaceLabel, Panel, Verdict, render_comparison
from faceage_core.render.layout import compute_layout
from faceage_core.types import Box
from tests.core.render.pixels import Pixels, crop

PHOTO_COLOUR = (10, 60, 30)  # unlike every colour that is drawn
SAME_PERSON = Verdict(True, 0.953, 0.925)
DIFFERENT_PEOPLE = Verdict(False, 0.41, 0.925)
UNUSUAL_SIZES = [(1, 1), (12, 12), (60, 80), (20_000, 10), (10, 20_000), (8_000, 5_000)]


def plain_photo(width: int, height: int) -> Pixels:
    return np.full((height, width, 3), PHOTO_COLOUR, dtype=np.uint8)


def panel(width: int, height: int, *labels: FaceLabel, caption: str = "photo.jpg") -> Panel:
    return Panel(plain_photo(width, height), caption, labels)


def face(
    x1: float, y1: float, x2: float, y2: float, *, text: str = "48 y  (41-55)", chosen: bool = True
) -> FaceLabel:
    return FaceLabel(Box(x1, y1, x2, y2), text, chosen)


def crowd(columns: int, rows: int, gap: float) -> tuple[FaceLabel, ...]:
    """Faces of 100 x 100 in a grid, `gap` pixels apart; the one in the middle is chosen."""
    step = 100 + gap
    chosen = (rows // 2) * columns + columns // 2
    boxes = [
        (gap + x * step, gap + y * step, gap + x * step + 100, gap + y * step + 100)
        for y in range(rows)
        for x in range(columns)
    ]
    return tuple(face(*box, chosen=i == chosen) for i, box in enumerate(boxes))


def verdict_bar(verdict: Verdict, size: tuple[int, int] = (512, 512)) -> Pixels:
    """The bar's pixels in a picture of two photos of this size."""
    picture = render_comparison(panel(*size), panel(*size), verdict)
    return crop(picture, compute_layout(size, size).verdict)
