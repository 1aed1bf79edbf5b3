"""What a comparison picture shows, as values: faces, photos and the verdict."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceage_core.errors import InvalidArgument
from faceage_core.types import Box


@dataclass(frozen=True)
class Label:
    """One face as it is drawn.

    Attributes:
        box: in pixels of the panel's photo; it may reach beyond it.
        text: what stands beside the face, such as "48 y  (41-55)"; empty for no text.
        chosen: whether this face is the one compared. Its text is always drawn; that of another
            face only where it hides neither a face nor another text.

    Raises:
        InvalidArgument: if a coordinate is not a finite number.
    """

    box: Box
    text: str
    chosen: bool

    def __post_init__(self) -> None:
        corners = (self.box.x1, self.box.y1, self.box.x2, self.box.y2)
        if not all(map(math.isfinite, corners)):
            raise InvalidArgument(f"box must have finite coordinates, got {corners}")


@dataclass(frozen=True)
class Panel:
    """One photo of the comparison.

    Attributes:
        image: [H, W, 3] uint8 RGB, upright; it is never written to.
        caption: what stands below the photo, usually the file's name.
        labels: the faces to draw, in order of importance.

    Raises:
        InvalidArgument: if the image is of another shape or type, or has no pixels.
    """

    image: NDArray[np.uint8]
    caption: str
    labels: tuple[Label, ...]

    def __post_init__(self) -> None:
        require_rgb("image", self.image)


@dataclass(frozen=True)
class Verdict:
    """The decision and the two numbers it rests on.

    Attributes:
        is_match: whether the similarity reaches the threshold.
        similarity: of the two compared faces.
        threshold: similarities at or above it count as the same person.

    Raises:
        InvalidArgument: if a number is not finite, or the decision does not follow from the two:
            such a picture would contradict itself.
    """

    is_match: bool
    similarity: float
    threshold: float

    def __post_init__(self) -> None:
        for name, value in (("similarity", self.similarity), ("threshold", self.threshold)):
            if not math.isfinite(value):
                raise InvalidArgument(f"{name} must be a finite number, got {value}")
        if self.is_match != (self.similarity >= self.threshold):
            raise InvalidArgument(
                f"is_match must follow from similarity {self.similarity!r} and threshold "
                f"{self.threshold!r}, got {self.is_match}"
            )


def require_rgb(name: str, image: NDArray[np.uint8]) -> None:
    """Raise InvalidArgument unless the image is [H, W, 3] uint8 with at least one pixel."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise InvalidArgument(
            f"{name} must be uint8 [H, W, 3] with at least one pixel, "
            f"got {image.dtype} {list(image.shape)}"
        )
