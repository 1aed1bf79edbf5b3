"""Colours and filled shapes that several parts of the picture use."""

from PIL import Image, ImageDraw

from faceage_core.render.layout import Rect

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BACKGROUND: Colour = (238, 240, 243)
DARK: Colour = (45, 51, 59)
# White text has a contrast of at least 4.5 : 1 on each of these. Colour-blind people can tell the
# green from the vermilion, and the text and the sign repeat the verdict.
CHOSEN: Colour = (20, 104, 214)
MATCH: Colour = (0, 122, 90)
NO_MATCH: Colour = (184, 74, 0)

_OVERSAMPLING = 4


def fill_rectangle(canvas: Image.Image, rect: Rect, colour: Colour) -> None:
    """Fill a rectangle."""
    ImageDraw.Draw(canvas).rectangle(inclusive(rect), fill=colour)


def fill_rounded(canvas: Image.Image, rect: Rect, colour: Colour, radius: int) -> None:
    """Fill a rectangle with rounded, anti-aliased corners."""
    width, height = rect[2] - rect[0], rect[3] - rect[1]
    mask = Image.new("L", (width * _OVERSAMPLING, height * _OVERSAMPLING))
    corner = width * _OVERSAMPLING - 1, height * _OVERSAMPLING - 1
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *corner), radius * _OVERSAMPLING, fill=255)
    canvas.paste(colour, rect, mask.reduce(_OVERSAMPLING))


def inclusive(rect: Rect) -> Rect:
    """The rectangle in ImageDraw's convention: the last row and column belong to it."""
    return rect[0], rect[1], rect[2] - 1, rect[3] - 1
