"""Close-ups: photos filled by a face are searched a second time with a border around them.

MTCNN needs the surroundings of a face. If a photo ends at the chin and the forehead, MTCNN misses
the face or moves the landmarks inwards. Such a photo is searched again with a grey border, for
large faces only, which is fast. `python -m benchmarks.age` measures the effect: UTKFace's tight
crops give the same errors as on a larger canvas.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from faceage_core.types import Box, Face

_GREY = 128
BORDER = 0.5  # of the longer side, on each side
MIN_FACE = 0.25  # of the longer side: smaller faces have enough surroundings


def is_closeup(faces: Sequence[Face], width: int, height: int) -> bool:
    """Whether the first search found no face, or a face larger than the photo."""
    return not faces or any(face.box.width > width or face.box.height > height for face in faces)


def add_border(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """The photo with a grey border, and the width of the border in pixels."""
    border = max(1, round(max(image.shape[:2]) * BORDER))
    pads = ((border, border), (border, border), (0, 0))
    return np.pad(image, pads, constant_values=_GREY), border


def merge(first: Sequence[Face], second: Sequence[Face]) -> list[Face]:
    """All faces of the second search, and the faces that only the first search found."""
    others = [face for face in first if not any(_is_same(face.box, new.box) for new in second)]
    return [*second, *others]


def side_without_border(longer_side_px: int | None) -> int | None:
    """The longer side of a photo whose longer side with border is this; None: no limit."""
    return None if longer_side_px is None else int(longer_side_px / (1 + 2 * BORDER))


def remove_border(face: Face, border: int) -> Face:
    """Convert a face from pixels of the photo with border to pixels of the photo without."""
    box = face.box
    return Face(
        box=Box(box.x1 - border, box.y1 - border, box.x2 - border, box.y2 - border),
        landmarks=tuple((x - border, y - border) for x, y in face.landmarks),
        confidence=face.confidence,
    )


def _is_same(one: Box, other: Box) -> bool:
    """Whether more than half of the smaller box lies inside the other."""
    width = min(one.x2, other.x2) - max(one.x1, other.x1)
    height = min(one.y2, other.y2) - max(one.y1, other.y1)
    return max(width, 0) * max(height, 0) > 0.5 * min(one.area, other.area)
