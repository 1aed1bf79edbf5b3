"""The values that a comparison picture shows: face labels, photo panels and the verdict."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceage_core.errors import InvalidArgument
from faceage_core.render.layout import Size
from faceage_core.types import Box


@dataclass(frozen=True)
class FaceLabel:
    """One face to draw.

    Attributes:
        box: in pixels of the panel's photo; it may extend beyond the photo.
        text: drawn beside the face, such as "48 y (41-55)"; empty for no text.
        chosen: whether this face is the compared one. The text of the chosen face is always
            drawn. The text of another face is drawn only where it covers neither a face nor
            another text.

    Raises:
        InvalidArgument: a coordinate is NaN or infinite.
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
        image: [H, W, 3] uint8 RGB, upright; it is not modified.
        caption: drawn below the photo, usually the file name.
        labels: the faces to draw, the most important first.
        photo_size: width and height of the photo whose pixels the boxes mean, if `image` is the
            photo at another size; None: those of `image`.

    Raises:
        InvalidArgument: the image has another shape or dtype, or no pixels.
    """

    image: NDArray[np.uint8]
    caption: str
    labels: tuple[FaceLabel, ...]
    photo_size: Size | None = None

    def __post_init__(self) -> None:
        require_rgb("image", self.image)

    @property
    def size(self) -> Size:
        """Width and height of the photo in its own pixels."""
        return self.photo_size or (self.image.shape[1], self.image.shape[0])


@dataclass(frozen=True)
class Verdict:
    """The decision and the two numbers that it follows from.

    Attributes:
        is_match: whether the similarity is at least the threshold.
        similarity: of the two compared faces.
        threshold: the smallest similarity that counts as the same person.

    Raises:
        InvalidArgument: a number is NaN or infinite, or the decision does not follow from the
            numbers; the picture would contradict itself.
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
    """Check that an image is [H, W, 3] uint8 with at least one pixel.

    Raises:
        InvalidArgument: it is not.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise InvalidArgument(
            f"{name} must be uint8 [H, W, 3] with at least one pixel, "
            f"got {image.dtype} {list(image.shape)}"
        )
