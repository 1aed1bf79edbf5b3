"""Positions and sizes of everything in a comparison picture: geometry only, no pixels.

A rectangle is (left, top, right, bottom) in whole pixels of the picture, right and bottom
exclusive. Both panels have the same height, and share the width so that each has the aspect ratio
of its photo. The aspect ratio of a panel is limited; a more extreme photo is centred in it. The
picture is never larger than MAX_WIDTH x MAX_HEIGHT.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from faceage_core.types import Box

Size = tuple[int, int]
Rect = tuple[int, int, int, int]

MAX_WIDTH = 1600
MAX_HEIGHT = 1056
MARGIN = 24
CAPTION_HEIGHT = 48
VERDICT_HEIGHT = 80

_MAX_PANELS_WIDTH = MAX_WIDTH - 3 * MARGIN
_MAX_PANELS_HEIGHT = MAX_HEIGHT - 2 * MARGIN - CAPTION_HEIGHT - VERDICT_HEIGHT
# A more extreme panel would leave no room for the other panel, its caption or the verdict.
_MIN_ASPECT, _MAX_ASPECT = 0.4, 2.5
_LABEL_GAP, _LABEL_INSET = 2, 12


@dataclass(frozen=True)
class Layout:
    """The parts of the picture. In each pair, the left photo comes first.

    Attributes:
        size: width and height of the whole picture.
        panels: the areas that the photos are centred in.
        photos: the scaled photos, at least one pixel wide and high.
        captions: one line of text below each panel.
        verdict: the bar across the whole width.
    """

    size: Size
    panels: tuple[Rect, Rect]
    photos: tuple[Rect, Rect]
    captions: tuple[Rect, Rect]
    verdict: Rect


def compute_layout(left: Size, right: Size) -> Layout:
    """Arrange two photos.

    Args:
        left: width and height of the first photo in its own pixels.
        right: width and height of the second photo in its own pixels.
    """
    aspects = _panel_aspect(left), _panel_aspect(right)
    height = min(_MAX_PANELS_HEIGHT, int(_MAX_PANELS_WIDTH / sum(aspects)))
    left_end = MARGIN + round(aspects[0] * height)
    right_start = left_end + MARGIN
    right_end = right_start + round(aspects[1] * height)
    panels_end = MARGIN + height
    captions_end = panels_end + CAPTION_HEIGHT
    verdict_end = captions_end + VERDICT_HEIGHT
    panels = (MARGIN, MARGIN, left_end, panels_end), (right_start, MARGIN, right_end, panels_end)
    return Layout(
        size=(right_end + MARGIN, verdict_end + MARGIN),
        panels=panels,
        photos=(_fit(left, panels[0]), _fit(right, panels[1])),
        captions=(
            (MARGIN, panels_end, left_end, captions_end),
            (right_start, panels_end, right_end, captions_end),
        ),
        verdict=(MARGIN, captions_end, right_end, verdict_end),
    )


def map_box(box: Box, photo_size: Size, photo: Rect) -> Rect:
    """Convert a box from pixels of the photo to pixels of the picture.

    Args:
        box: in pixels of the photo.
        photo_size: width and height of the photo in its own pixels.
        photo: the scaled photo's rectangle in the picture.

    Returns:
        The box clipped to the photo, at least 1 x 1.
    """
    left, right = _map_interval(box.x1, box.x2, photo_size[0], photo[0], photo[2])
    top, bottom = _map_interval(box.y1, box.y2, photo_size[1], photo[1], photo[3])
    return left, top, right, bottom


def rect_size(rect: Rect) -> Size:
    """Width and height of a rectangle."""
    return rect[2] - rect[0], rect[3] - rect[1]


def expand(rect: Rect, by: int, area: Rect) -> Rect:
    """The rectangle grown by `by` pixels on each side, clipped to the area."""
    return (
        max(rect[0] - by, area[0]),
        max(rect[1] - by, area[1]),
        min(rect[2] + by, area[2]),
        min(rect[3] + by, area[3]),
    )


def place_label(size: Size, box: Rect, area: Rect, avoid: Sequence[Rect]) -> Rect | None:
    """The first free position beside a box: above, below, right, left.

    Args:
        size: the label's width and height.
        box: the face's box in pixels of the picture.
        area: the label is moved inside it.
        avoid: rectangles that the label must not overlap, besides its own box.

    Returns:
        The label's rectangle; None if it overlaps something at each of the positions.
    """
    for position in _positions_beside(size, box, area):
        if not any(_overlap(position, other) for other in (box, *avoid)):
            return position
    return None


def place_label_inside(size: Size, box: Rect, area: Rect) -> Rect:
    """A position at the bottom of the label's own box, where it covers the chin, not the eyes."""
    centre = (box[0] + box[2]) // 2
    return _move_inside(centre - size[0] // 2, box[3] - _LABEL_INSET - size[1], size, area)


def _panel_aspect(photo_size: Size) -> float:
    return min(max(photo_size[0] / photo_size[1], _MIN_ASPECT), _MAX_ASPECT)


def _fit(photo_size: Size, panel: Rect) -> Rect:
    """The whole photo, as large as possible, centred in the panel."""
    scale = min((panel[2] - panel[0]) / photo_size[0], (panel[3] - panel[1]) / photo_size[1])
    width, height = (max(1, round(side * scale)) for side in photo_size)
    left, top = (panel[0] + panel[2] - width) // 2, (panel[1] + panel[3] - height) // 2
    return left, top, left + width, top + height


def _map_interval(a: float, b: float, length: int, start: int, end: int) -> tuple[int, int]:
    """Map an interval of [0, length] to whole pixels of [start, end), at least one pixel long."""
    scale = (end - start) / length
    first = start + round(min(max(min(a, b), 0), length) * scale)
    last = start + round(min(max(a, b, 0), length) * scale)
    first = min(first, end - 1)
    return first, max(last, first + 1)


def _positions_beside(size: Size, box: Rect, area: Rect) -> Iterator[Rect]:
    width, height = size
    x, y = (box[0] + box[2] - width) // 2, (box[1] + box[3] - height) // 2
    yield _move_inside(x, box[1] - _LABEL_GAP - height, size, area)
    yield _move_inside(x, box[3] + _LABEL_GAP, size, area)
    yield _move_inside(box[2] + _LABEL_GAP, y, size, area)
    yield _move_inside(box[0] - _LABEL_GAP - width, y, size, area)


def _move_inside(left: int, top: int, size: Size, area: Rect) -> Rect:
    left = max(area[0], min(left, area[2] - size[0]))
    top = max(area[1], min(top, area[3] - size[1]))
    return left, top, left + size[0], top + size[1]


def _overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
