"""Where everything of a comparison picture goes: geometry only, no pixels.

A rectangle is (left, top, right, bottom) in whole pixels of the picture, right and bottom
exclusive. The panels are of one height and share the width so that each has its photo's aspect
ratio; a photo more extreme than that allows is centred in its panel. The picture is never larger
than MAX_WIDTH x MAX_HEIGHT, whatever the photos.
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

_PANELS_WIDTH = MAX_WIDTH - 3 * MARGIN
_PANELS_HEIGHT = MAX_HEIGHT - 2 * MARGIN - CAPTION_HEIGHT - VERDICT_HEIGHT
# Beyond these, a sliver of a photo would leave no room for the other, or for caption and verdict.
_MIN_ASPECT, _MAX_ASPECT = 0.4, 2.5
_LABEL_GAP, _LABEL_INSET = 2, 12


@dataclass(frozen=True)
class Layout:
    """The picture's parts; of each pair the left photo's is first.

    Attributes:
        size: the whole picture's width and height.
        panels: the areas that the photos are centred in.
        photos: the scaled photos themselves, at least one pixel wide and high.
        captions: one line of text below each panel.
        verdict: the bar across the whole width.
    """

    size: Size
    panels: tuple[Rect, Rect]
    photos: tuple[Rect, Rect]
    captions: tuple[Rect, Rect]
    verdict: Rect


def lay_out(left: Size, right: Size) -> Layout:
    """Arrange two photos, given the width and height of each in their own pixels."""
    aspects = _panel_aspect(left), _panel_aspect(right)
    height = min(_PANELS_HEIGHT, int(_PANELS_WIDTH / sum(aspects)))
    split = MARGIN + round(aspects[0] * height)
    end = split + MARGIN + round(aspects[1] * height)
    low = MARGIN + height
    captions_end = low + CAPTION_HEIGHT
    panels = (MARGIN, MARGIN, split, low), (split + MARGIN, MARGIN, end, low)
    return Layout(
        size=(end + MARGIN, captions_end + VERDICT_HEIGHT + MARGIN),
        panels=panels,
        photos=(_fit(left, panels[0]), _fit(right, panels[1])),
        captions=(
            (MARGIN, low, split, captions_end),
            (split + MARGIN, low, end, captions_end),
        ),
        verdict=(MARGIN, captions_end, end, captions_end + VERDICT_HEIGHT),
    )


def place_box(box: Box, photo_size: Size, photo: Rect) -> Rect:
    """A box of the photo in pixels of the picture, cut at the photo's edge, at least 1 x 1.

    Args:
        box: in pixels of the photo.
        photo_size: the photo's own width and height.
        photo: where the scaled photo is.
    """
    left, right = _place_span(box.x1, box.x2, photo_size[0], photo[0], photo[2])
    top, bottom = _place_span(box.y1, box.y2, photo_size[1], photo[1], photo[3])
    return left, top, right, bottom


def grow(rect: Rect, by: int, area: Rect) -> Rect:
    """The rectangle with a border round it, cut at the area's edge."""
    return (
        max(rect[0] - by, area[0]),
        max(rect[1] - by, area[1]),
        min(rect[2] + by, area[2]),
        min(rect[3] + by, area[3]),
    )


def place_label(size: Size, box: Rect, area: Rect, avoid: Sequence[Rect]) -> Rect | None:
    """The first place beside a box where a label hides nothing: above, below, right, left.

    Args:
        size: the label's width and height.
        box: the face's box in pixels of the picture.
        area: the label is pushed inside it.
        avoid: what the label may not touch besides its own box.

    Returns:
        The label's rectangle, None where each of the places touches something.
    """
    for spot in _beside(size, box, area):
        if not any(_overlap(spot, other) for other in (box, *avoid)):
            return spot
    return None


def place_label_inside(size: Size, box: Rect, area: Rect) -> Rect:
    """A label's place at the foot of its own box, where it hides the chin and not the eyes."""
    centre = (box[0] + box[2]) // 2
    return _push_inside(centre - size[0] // 2, box[3] - _LABEL_INSET - size[1], size, area)


def _panel_aspect(photo_size: Size) -> float:
    return min(max(photo_size[0] / photo_size[1], _MIN_ASPECT), _MAX_ASPECT)


def _fit(photo_size: Size, panel: Rect) -> Rect:
    """The whole photo, as large as the panel allows, in the panel's middle."""
    scale = min((panel[2] - panel[0]) / photo_size[0], (panel[3] - panel[1]) / photo_size[1])
    width, height = (max(1, round(side * scale)) for side in photo_size)
    left, top = (panel[0] + panel[2] - width) // 2, (panel[1] + panel[3] - height) // 2
    return left, top, left + width, top + height


def _place_span(low: float, high: float, length: int, start: int, end: int) -> tuple[int, int]:
    scale = (end - start) / length
    first = start + round(min(max(min(low, high), 0), length) * scale)
    last = start + round(min(max(low, high, 0), length) * scale)
    first = min(first, end - 1)
    return first, max(last, first + 1)


def _beside(size: Size, box: Rect, area: Rect) -> Iterator[Rect]:
    width, height = size
    x, y = (box[0] + box[2] - width) // 2, (box[1] + box[3] - height) // 2
    yield _push_inside(x, box[1] - _LABEL_GAP - height, size, area)
    yield _push_inside(x, box[3] + _LABEL_GAP, size, area)
    yield _push_inside(box[2] + _LABEL_GAP, y, size, area)
    yield _push_inside(box[0] - _LABEL_GAP - width, y, size, area)


def _push_inside(left: int, top: int, size: Size, area: Rect) -> Rect:
    left = max(area[0], min(left, area[2] - size[0]))
    top = max(area[1], min(top, area[3] - size[1]))
    return left, top, left + size[0], top + size[1]


def _overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
