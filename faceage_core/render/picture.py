"""Drawing the comparison picture; where things go is layout's business, their words text's."""

import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from faceage_core.errors import InvalidArgument
from faceage_core.render import layout as geometry
from faceage_core.render.layout import Rect
from faceage_core.render.scene import Label, Panel, Verdict, require_rgb
from faceage_core.render.text import comparison, drawable, font, shorten

Colour = tuple[int, int, int]
Strokes = tuple[tuple[tuple[float, float], ...], ...]

WHITE: Colour = (255, 255, 255)
MATTE: Colour = (238, 240, 243)
INK: Colour = (45, 51, 59)
# White on each of these has a contrast of at least 4.5 : 1. Green and vermilion stay apart for
# colour-blind eyes, and the words and the sign say the same without any colour.
CHOSEN: Colour = (20, 104, 214)
MATCH: Colour = (0, 122, 90)
NO_MATCH: Colour = (184, 74, 0)

_CHOSEN_LINE, _OTHER_LINE = 4, 1
_CHOSEN_TEXT, _OTHER_TEXT, _CAPTION_TEXT, _VERDICT_TEXT = 24, 14, 20, 32
# Beyond this, smoothing shows a blur; squares show truthfully how little there is.
_SMOOTH_UP_TO = 12.0
_OVERSAMPLING = 4

# Signs that the built-in font lacks, as lines in a unit square.
_SIGNS: Mapping[str, Strokes] = {
    "yes": (((0.08, 0.55), (0.38, 0.84), (0.94, 0.18)),),
    "no": (((0.14, 0.14), (0.86, 0.86)), ((0.86, 0.14), (0.14, 0.86))),
    "≥": (((0.16, 0.1), (0.84, 0.38), (0.16, 0.66)), ((0.16, 0.92), (0.84, 0.92))),
    "<": (((0.84, 0.16), (0.16, 0.5), (0.84, 0.84)),),
}


def render_comparison(left: Panel, right: Panel, verdict: Verdict) -> NDArray[np.uint8]:
    """Draw both photos side by side with their faces, and the verdict below.

    Args:
        left: the first photo; it is not modified.
        right: the second.
        verdict: what the comparison of their chosen faces gave.

    Returns:
        [H, W, 3] uint8 RGB, at most 1600 wide and 1056 high, whatever the photos.
    """
    layout = geometry.lay_out(_size(left), _size(right))
    canvas = Image.new("RGB", layout.size, WHITE)
    for i, panel in enumerate((left, right)):
        ImageDraw.Draw(canvas).rectangle(_inclusive(layout.panels[i]), fill=MATTE)
        canvas.paste(_scaled(panel.image, layout.photos[i]), layout.photos[i])
        _draw_faces(canvas, panel, layout.panels[i], layout.photos[i])
        _draw_caption(canvas, panel.caption, layout.captions[i])
    _draw_verdict(canvas, verdict, layout.verdict)
    return np.array(canvas)


def encode_jpeg(picture: NDArray[np.uint8], quality: int = 90) -> bytes:
    """Encode a picture as a JPEG without EXIF or any other metadata.

    Args:
        picture: [H, W, 3] uint8 RGB.
        quality: 1-100.

    Raises:
        InvalidArgument: if the picture is of another shape or type, or quality out of its range.
    """
    require_rgb("picture", picture)
    if not 1 <= quality <= 100:
        raise InvalidArgument(f"quality must be 1-100, got {quality}")
    encoded = io.BytesIO()
    # Full colour resolution: halved, it frays the edges of coloured lines and text.
    Image.fromarray(picture).save(
        encoded, format="JPEG", quality=quality, subsampling=0, optimize=True
    )
    return encoded.getvalue()


def _size(panel: Panel) -> geometry.Size:
    return panel.image.shape[1], panel.image.shape[0]


def _scaled(image: NDArray[np.uint8], photo: Rect) -> Image.Image:
    size = photo[2] - photo[0], photo[3] - photo[1]
    if max(size[0] / image.shape[1], size[1] / image.shape[0]) > _SMOOTH_UP_TO:
        return Image.fromarray(image).resize(size, Image.Resampling.NEAREST)
    return Image.fromarray(image).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _draw_faces(canvas: Image.Image, panel: Panel, area: Rect, photo: Rect) -> None:
    """Boxes and labels: the chosen face's place is found first, and it is painted last."""
    faces = sorted(panel.labels, key=lambda label: not label.chosen)
    outlines = [_outline(label, _size(panel), area, photo) for label in faces]
    labels: list[tuple[Label, Rect]] = []
    for i, label in enumerate(faces):
        others = outlines[:i] + outlines[i + 1 :]
        spot = _label_spot(label, outlines[i], area, others, [rect for _, rect in labels])
        if spot is not None:
            labels.append((label, spot))
    for label, outline in reversed(list(zip(faces, outlines, strict=True))):
        _draw_outline(canvas, outline, label.chosen)
    for label, spot in reversed(labels):
        _draw_label(canvas, label, spot)


def _outline(label: Label, size: geometry.Size, area: Rect, photo: Rect) -> Rect:
    """The outer edge of a face's frame: outside the box, so that a tiny face stays visible."""
    line = _CHOSEN_LINE if label.chosen else _OTHER_LINE
    return geometry.grow(geometry.place_box(label.box, size, photo), line + 1, area)


def _label_spot(
    label: Label, outline: Rect, area: Rect, others: list[Rect], placed: list[Rect]
) -> Rect | None:
    text = drawable(label.text)
    if not text:
        return None
    points = _CHOSEN_TEXT if label.chosen else _OTHER_TEXT
    width = round(font(points).getlength(text)) + points
    size = min(width, area[2] - area[0]), points + points // 2
    spot = geometry.place_label(size, outline, area, [*others, *placed])
    if spot is None and label.chosen:
        # The compared face's text is not left out; rather than itself it hides a neighbour.
        spot = geometry.place_label(size, outline, area, placed)
        spot = spot or geometry.place_label_inside(size, outline, area)
    return spot


def _draw_outline(canvas: Image.Image, outline: Rect, chosen: bool) -> None:
    """A frame with a contrasting rim, so that it shows on light and on dark photos."""
    rim, frame, line = (WHITE, CHOSEN, _CHOSEN_LINE) if chosen else (INK, WHITE, _OTHER_LINE)
    left, top, right, bottom = _inclusive(outline)
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((left, top, right, bottom), outline=rim)
    draw.rectangle((left + 1, top + 1, right - 1, bottom - 1), outline=frame, width=line)


def _draw_label(canvas: Image.Image, label: Label, spot: Rect) -> None:
    points = _CHOSEN_TEXT if label.chosen else _OTHER_TEXT
    text = shorten(drawable(label.text), points, spot[2] - spot[0] - points // 2)
    _fill_rounded(canvas, spot, CHOSEN if label.chosen else INK, points // 4)
    centre = (spot[0] + spot[2]) / 2, (spot[1] + spot[3]) / 2
    ImageDraw.Draw(canvas).text(centre, text, WHITE, font(points), anchor="mm")


def _draw_caption(canvas: Image.Image, caption: str, area: Rect) -> None:
    text = shorten(drawable(caption), _CAPTION_TEXT, area[2] - area[0])
    place = area[0], (area[1] + area[3]) / 2
    ImageDraw.Draw(canvas).text(place, text, INK, font(_CAPTION_TEXT), anchor="lm")


def _draw_verdict(canvas: Image.Image, verdict: Verdict, bar: Rect) -> None:
    """The bar: a sign and the decision in words at its left, the numbers at its right."""
    _fill_rounded(canvas, bar, MATCH if verdict.is_match else NO_MATCH, 10)
    words = "SAME PERSON" if verdict.is_match else "DIFFERENT PEOPLE"
    similarity, sign, threshold = comparison(verdict)
    before, after = f"similarity {similarity}", f"threshold {threshold}"
    points = _VERDICT_TEXT
    room = bar[2] - bar[0] - 2 * geometry.MARGIN
    while points > 8 and _text_width(words + before + after, points) + 5 * points > room:
        points -= 1
    middle = (bar[1] + bar[3]) // 2
    left, right = bar[0] + geometry.MARGIN, bar[2] - geometry.MARGIN
    draw = ImageDraw.Draw(canvas)
    _draw_sign(canvas, "yes" if verdict.is_match else "no", left, middle, points)
    # The built-in font has one weight; a thin stroke makes it bold.
    place = left + points * 3 // 2, middle
    draw.text(place, words, WHITE, font(points), anchor="lm", stroke_width=0.5, stroke_fill=WHITE)
    draw.text((right, middle), after, WHITE, font(points), anchor="rm")
    sign_size, gap = points * 3 // 4, points * 3 // 8
    right -= _text_width(after, points) + gap + sign_size
    _draw_sign(canvas, sign, right, middle, sign_size)
    draw.text((right - gap, middle), before, WHITE, font(points), anchor="rm")


def _text_width(text: str, points: int) -> int:
    return round(font(points).getlength(text))


def _draw_sign(canvas: Image.Image, sign: str, left: int, middle: int, size: int) -> None:
    """Draw white, anti-aliased strokes in a square that is centred on the line of text."""
    big = size * _OVERSAMPLING
    mask = Image.new("L", (big, big))
    draw = ImageDraw.Draw(mask)
    line = max(1, big // 8)
    for stroke in _SIGNS[sign]:
        points = [(x * big, y * big) for x, y in stroke]
        draw.line(points, fill=255, width=line, joint="curve")
        for x, y in (points[0], points[-1]):
            draw.circle((x, y), line / 2, fill=255)
    canvas.paste(WHITE, (left, middle - size // 2), mask.reduce(_OVERSAMPLING))


def _fill_rounded(canvas: Image.Image, rect: Rect, colour: Colour, radius: int) -> None:
    width, height = rect[2] - rect[0], rect[3] - rect[1]
    mask = Image.new("L", (width * _OVERSAMPLING, height * _OVERSAMPLING))
    corner = width * _OVERSAMPLING - 1, height * _OVERSAMPLING - 1
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, *corner), radius * _OVERSAMPLING, fill=255)
    canvas.paste(colour, rect, mask.reduce(_OVERSAMPLING))


def _inclusive(rect: Rect) -> Rect:
    """As ImageDraw counts: the last pixel is part of the rectangle."""
    return rect[0], rect[1], rect[2] - 1, rect[3] - 1
