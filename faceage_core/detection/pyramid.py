"""The image pyramid of MTCNN's first network, and its arrangement on canvases.

The network sees a face only at one size, so it searches a photo at many sizes, the levels. One call
a level is exact, but each size that an engine has not met costs it milliseconds of preparation. If
the levels lie side by side on one canvas of a rounded size, there is one call a photo, and after
some photos every size has been met.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from faceage_core.detection.settings import MtcnnSettings

CELL_PX = 12  # the field of view of the first network
STRIDE_PX = 2
_ROUNDED_PX = 16  # sides of a shared canvas are multiples of this


@dataclass(frozen=True)
class Level:
    """The photo at one size, and its place on a canvas.

    Attributes:
        scale: pixels of the level for each pixel of the photo.
        height, width: of the level, in pixels.
        top, left: its place, in pixels; even.
    """

    scale: float
    height: int
    width: int
    top: int = 0
    left: int = 0

    @property
    def cells(self) -> tuple[slice, slice]:
        """The rows and columns of the network's output that see this level only."""
        top, left = self.top // STRIDE_PX, self.left // STRIDE_PX
        return slice(top, top + _cells(self.height)), slice(left, left + _cells(self.width))


@dataclass(frozen=True)
class Canvas:
    """One input of the first network.

    Attributes:
        height, width: in pixels.
        levels: they do not overlap.
    """

    height: int
    width: int
    levels: tuple[Level, ...]


def canvases(height: int, width: int, settings: MtcnnSettings) -> list[Canvas]:
    """The pyramid of a photo of this size; empty if the photo is smaller than one cell."""
    scales = _scales(height, width, settings)
    if not settings.shared_canvas:
        sizes = [Level(s, int(height * s + 1), int(width * s + 1)) for s in scales]
        return [Canvas(level.height, level.width, (level,)) for level in sizes]
    levels = [Level(s, _even(height * s), _even(width * s)) for s in scales]
    return [_shared(levels)] if levels else []


def _scales(height: int, width: int, settings: MtcnnSettings) -> list[float]:
    """The scales at which the shorter side is at least one cell."""
    smallest = max(settings.min_face_px, settings.min_face_share * max(height, width))
    scale = CELL_PX / smallest
    side = min(height, width) * scale
    scales = []
    while side >= CELL_PX:
        scales.append(scale)
        scale *= settings.factor
        side *= settings.factor
    return scales


def _shared(levels: Sequence[Level]) -> Canvas:
    """One canvas for all levels, the largest first; each goes to the first free place with room.

    A level takes the top left corner of a place, and leaves what is to its right and what is below.
    """
    width = _rounded(levels[0].width)
    free = [(0, 0, sum(level.height for level in levels), width)]  # top, left, height, width
    placed = []
    for level in levels:
        place = next(one for one in free if level.height <= one[2] and level.width <= one[3])
        top, left, room, across = place
        right = (top, left + level.width, level.height, across - level.width)
        below = (top + level.height, left, room - level.height, across)
        at = free.index(place)
        free[at : at + 1] = [right, below]
        placed.append(replace(level, top=top, left=left))
    height = max(level.top + level.height for level in placed)
    return Canvas(_rounded(height), width, tuple(placed))


def _cells(side_px: int) -> int:
    """The length of the network's output; its pooling counts an incomplete window."""
    return (side_px - 1) // STRIDE_PX - 4


def _even(side_px: float) -> int:
    return max(CELL_PX, 2 * round(side_px / 2))


def _rounded(side_px: int) -> int:
    return -(-side_px // _ROUNDED_PX) * _ROUNDED_PX
