"""Photos that a face fills: searched once more with a border round them.

MTCNN has to see what surrounds a face. Where a photo ends at the chin and the forehead, as a tight
cut-out does, it misses the face or pulls the landmarks inwards. So such a photo is searched again
with grey round it, for large faces only, which is quick. `python -m benchmarks.age` shows what it
is worth: UTKFace's cut-outs as they are give the errors that they give on a canvas.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from faceage_core.types import Box, Face

_GREY = 128
BORDER = 0.5  # of the longer side, on each side
SMALLEST = 0.25  # of the longer side: smaller faces have surroundings already


def is_closeup(faces: Sequence[Face], width: int, height: int) -> bool:
    """Whether the first search found no face, or one that reaches beyond the photo's size."""
    return not faces or any(face.box.width > width or face.box.height > height for face in faces)


def bordered(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """The photo with grey round it, and the width of the border in pixels."""
    border = max(1, round(max(image.shape[:2]) * BORDER))
    pads = ((border, border), (border, border), (0, 0))
    return np.pad(image, pads, constant_values=_GREY), border


def merged(first: Sequence[Face], again: Sequence[Face]) -> list[Face]:
    """The faces of the second search, and those of the first that are other faces."""
    others = [face for face in first if not any(_same(face.box, new.box) for new in again)]
    return [*again, *others]


def unbordered_px(longer_side_px: int | None) -> int | None:
    """The longer side of a photo that has this one with its border; None for no bound."""
    return None if longer_side_px is None else int(longer_side_px / (1 + 2 * BORDER))


def without_border(face: Face, border: int, back: tuple[float, float]) -> Face:
    """The face in the photo's own pixels.

    Args:
        face: in the bordered photo.
        border: its width in pixels.
        back: the factors (x, y) by which the photo had been made smaller.
    """
    x, y = back
    box = face.box
    return Face(
        box=Box(
            (box.x1 - border) * x,
            (box.y1 - border) * y,
            (box.x2 - border) * x,
            (box.y2 - border) * y,
        ),
        landmarks=tuple(((px - border) * x, (py - border) * y) for px, py in face.landmarks),
        confidence=face.confidence,
    )


def _same(one: Box, other: Box) -> bool:
    """Whether more than half of the smaller box lies in the other."""
    width = min(one.x2, other.x2) - max(one.x1, other.x1)
    height = min(one.y2, other.y2) - max(one.y1, other.y1)
    return max(width, 0) * max(height, 0) > 0.5 * min(one.area, other.area)
