"""The bar below the photos: the decision, and the numbers that it follows from."""

from typing import Literal

from PIL import Image, ImageDraw

from faceage_core.render.elements import Verdict
from faceage_core.render.layout import MARGIN, Rect
from faceage_core.render.shapes import MATCH, NO_MATCH, WHITE, fill_rounded
from faceage_core.render.text import font, text_width

_TEXT_SIZE, _MIN_TEXT_SIZE = 32, 8
_CORNER_RADIUS = 10


def draw_verdict_bar(canvas: Image.Image, verdict: Verdict, bar: Rect) -> None:
    """Draw the bar: the decision at its left, the numbers at its right."""
    fill_rounded(canvas, bar, MATCH if verdict.is_match else NO_MATCH, _CORNER_RADIUS)
    decision = "✔ SAME PERSON" if verdict.is_match else "✘ DIFFERENT PEOPLE"
    similarity, sign, threshold = format_comparison(verdict)
    numbers = f"similarity {similarity} {sign} threshold {threshold}"
    left, right = bar[0] + MARGIN, bar[2] - MARGIN
    size = _fitting_size(decision + numbers, right - left)
    middle = (bar[1] + bar[3]) / 2
    draw = ImageDraw.Draw(canvas)
    # Only the regular weight ships; a thin stroke makes it bold.
    draw.text(
        (left, middle),
        decision,
        WHITE,
        font(size),
        anchor="lm",
        stroke_width=0.5,
        stroke_fill=WHITE,
    )
    draw.text((right, middle), numbers, WHITE, font(size), anchor="rm")


def format_comparison(verdict: Verdict) -> tuple[str, Literal["≥", "<"], str]:
    """The similarity, the sign and the threshold as text.

    Three decimals, or as many as it takes to tell two different numbers apart: two different
    numbers never print alike, so that the sign always agrees with the printed numbers.
    """
    sign: Literal["≥", "<"] = "≥" if verdict.is_match else "<"
    for digits in range(3, 18):
        similarity = f"{verdict.similarity:z.{digits}f}"
        threshold = f"{verdict.threshold:z.{digits}f}"
        if similarity != threshold or verdict.similarity == verdict.threshold:
            return similarity, sign, threshold
    # Only numbers very close to zero are left.
    return repr(float(verdict.similarity)), sign, repr(float(verdict.threshold))


def _fitting_size(text: str, max_width: int) -> int:
    """The largest text size at which the text and a gap of twice that size fit."""
    sizes = range(_TEXT_SIZE, _MIN_TEXT_SIZE, -1)
    fitting = (size for size in sizes if text_width(text, size) + 2 * size <= max_width)
    return next(fitting, _MIN_TEXT_SIZE)
