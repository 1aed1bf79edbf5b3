"""Frames and labels of the faces in one photo."""

from PIL import Image, ImageDraw

from faceage_core.render import layout
from faceage_core.render.elements import FaceLabel, Panel
from faceage_core.render.layout import Rect
from faceage_core.render.shapes import CHOSEN, DARK, WHITE, fill_rounded, inclusive
from faceage_core.render.text import font, printable, text_width, truncate_middle

_CHOSEN_LINE_WIDTH, _OTHER_LINE_WIDTH = 4, 1
_CHOSEN_TEXT_SIZE, _OTHER_TEXT_SIZE = 24, 14


def draw_faces(canvas: Image.Image, panel: Panel, area: Rect, photo: Rect) -> None:
    """Draw a frame and a label for each face.

    The chosen face's label is positioned first, and its frame and label are painted last.

    Args:
        canvas: the picture, modified in place.
        panel: the photo and its faces.
        area: the panel's rectangle in the picture; nothing is drawn outside it.
        photo: the scaled photo's rectangle in the picture.
    """
    faces = sorted(panel.labels, key=lambda face: not face.chosen)
    frames = [_frame(face, panel.size, area, photo) for face in faces]
    labels: list[tuple[FaceLabel, Rect]] = []
    for i, face in enumerate(faces):
        other_frames = frames[:i] + frames[i + 1 :]
        label = _label_rect(face, frames[i], area, other_frames, [rect for _, rect in labels])
        if label is not None:
            labels.append((face, label))
    for face, frame in reversed(list(zip(faces, frames, strict=True))):
        _draw_frame(canvas, frame, face.chosen)
    for face, label in reversed(labels):
        _draw_label(canvas, face, label)


def _frame(face: FaceLabel, photo_size: layout.Size, area: Rect, photo: Rect) -> Rect:
    """The frame's outer edge. The frame surrounds the box, so that a tiny face stays visible."""
    line_width = _CHOSEN_LINE_WIDTH if face.chosen else _OTHER_LINE_WIDTH
    return layout.expand(layout.map_box(face.box, photo_size, photo), line_width + 1, area)


def _label_rect(
    face: FaceLabel, frame: Rect, area: Rect, other_frames: list[Rect], labels: list[Rect]
) -> Rect | None:
    text = printable(face.text)
    if not text:
        return None
    text_size = _text_size(face)
    width = text_width(text, text_size) + text_size
    size = min(width, area[2] - area[0]), text_size + text_size // 2
    rect = layout.place_label(size, frame, area, [*other_frames, *labels])
    if rect is None and face.chosen:
        # The chosen face must have its label: cover another face, or at last its own.
        rect = layout.place_label(size, frame, area, labels)
        rect = rect or layout.place_label_inside(size, frame, area)
    return rect


def _draw_frame(canvas: Image.Image, frame: Rect, chosen: bool) -> None:
    """Draw a frame with a contrasting rim, visible on light and on dark photos."""
    rim, colour, width = (
        (WHITE, CHOSEN, _CHOSEN_LINE_WIDTH) if chosen else (DARK, WHITE, _OTHER_LINE_WIDTH)
    )
    left, top, right, bottom = inclusive(frame)
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((left, top, right, bottom), outline=rim)
    draw.rectangle((left + 1, top + 1, right - 1, bottom - 1), outline=colour, width=width)


def _draw_label(canvas: Image.Image, face: FaceLabel, rect: Rect) -> None:
    text_size = _text_size(face)
    text = truncate_middle(printable(face.text), text_size, rect[2] - rect[0] - text_size // 2)
    fill_rounded(canvas, rect, CHOSEN if face.chosen else DARK, text_size // 4)
    centre = (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2
    ImageDraw.Draw(canvas).text(centre, text, WHITE, font(text_size), anchor="mm")


def _text_size(face: FaceLabel) -> int:
    return _CHOSEN_TEXT_SIZE if face.chosen else _OTHER_TEXT_SIZE
