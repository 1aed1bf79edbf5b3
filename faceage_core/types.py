"""Value types of the domain: boxes, faces, detections and estimates.

Coordinates are pixels of the upright photo: x to the right, y down, the origin at the top left
corner of the top left pixel.
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
    """An axis-aligned box; it may extend beyond the photo."""

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
    """One detected face.

    Attributes:
        box: the face's position.
        landmarks: five points: left eye, right eye, tip of the nose, left corner of the mouth,
            right corner; left and right as seen in the photo.
        confidence: the detector's probability that this is a face, 0-1.
    """

    box: Box
    landmarks: tuple[Point, ...]
    confidence: float

    def scaled(self, factor: float) -> "Face":
        """The face in a photo of `factor` times the size."""
        box = self.box
        return Face(
            box=Box(box.x1 * factor, box.y1 * factor, box.x2 * factor, box.y2 * factor),
            landmarks=tuple((x * factor, y * factor) for x, y in self.landmarks),
            confidence=self.confidence,
        )


@dataclass(frozen=True)
class Detection:
    """The faces of one photo and their crops: the input of the later stages, without the photo.

    Attributes:
        width: of the upright photo, in pixels.
        height: of the upright photo, in pixels.
        faces: the largest first.
        crops: for each role, the crops of the faces in the same order, [N, size, size, 3] uint8
            RGB, cut as specified by the card of the role's model.
        faces_left_out: the number of smaller faces that were detected but not kept.
    """

    width: int
    height: int
    faces: tuple[Face, ...]
    crops: Mapping[Role, NDArray[np.uint8]]
    faces_left_out: int = 0


@dataclass(frozen=True)
class AgeEstimate:
    """A face's apparent age as a distribution with summary statistics. All ages are in years.

    Attributes:
        mean: the expectation, which is the prediction.
        std: the standard deviation.
        interval_80: the central interval with 80 % of the probability.
        ages: the age of each bin of the distribution.
        probabilities: the probability of each bin; they sum to 1.
    """

    mean: float
    std: float
    interval_80: tuple[float, float]
    ages: tuple[float, ...]
    probabilities: tuple[float, ...]


@dataclass(frozen=True)
class GenderEstimate:
    """The output of a two-class network for a face; not a statement about a person's gender.

    Attributes:
        label: the more probable class.
        probability: of that class, 0.5-1.
    """

    label: Gender
    probability: float


@dataclass(frozen=True)
class Attributes:
    """The estimates for one face; `gender` is None if no loaded model estimates it."""

    age: AgeEstimate
    gender: GenderEstimate | None
