"""The words of the domain: boxes, faces, ages, detections. Frozen values, next to no behaviour.

Coordinates are pixels of the upright photo, x to the right and y down, the origin in the corner of
the top left pixel.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Role = Literal["age", "gender", "identity"]
Gender = Literal["female", "male"]
FaceChoice = Literal["largest", "center", "all"]


@dataclass(frozen=True)
class Box:
    """An axis-parallel box; it may reach beyond the photo."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        return self.width * self.height

    @property
    def center(self) -> Point:
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2


@dataclass(frozen=True)
class Face:
    """One found face.

    Attributes:
        box: where it is.
        landmarks: five points: the eye at the left of the photo, the eye at its right, the tip of
            the nose, the corner of the mouth at the left, the one at the right.
        confidence: the detector's probability that this is a face, 0-1.
    """

    box: Box
    landmarks: tuple[Point, ...]
    confidence: float


@dataclass(frozen=True)
class Detection:
    """What the detector makes of one photo: all that the later stages need, and no full frame.

    Attributes:
        width: of the upright photo, in pixels.
        height: likewise.
        faces: the largest first.
        crops: for each role the faces' crops in the same order, [N, size, size, 3] uint8 RGB, cut
            as the card of the model in that role says.
        faces_left_out: how many smaller faces were found beyond the number that is kept.
    """

    width: int
    height: int
    faces: tuple[Face, ...]
    crops: Mapping[Role, NDArray[np.uint8]]
    faces_left_out: int = 0


@dataclass(frozen=True)
class AgeEstimate:
    """A face's apparent age as a distribution, and its summary. All in years.

    Attributes:
        mean: the expectation; this is the prediction.
        std: the distribution's standard deviation.
        interval_80: the central interval that holds 80 % of the probability.
        ages: the age that each bin of the distribution stands for.
        probabilities: one a bin; they sum to 1.
    """

    mean: float
    std: float
    interval_80: tuple[float, float]
    ages: tuple[float, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class GenderEstimate:
    """How a face reads to a two-class network; not a statement about a person's gender.

    Attributes:
        label: the likelier of the two classes.
        probability: of that class, 0.5-1.
    """

    label: Gender
    probability: float


@dataclass(frozen=True)
class Attributes:
    """What is estimated of one face; gender is None where no loaded model estimates it."""

    age: AgeEstimate
    gender: GenderEstimate | None
