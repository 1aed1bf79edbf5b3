"""Crop the labelled face of an image, as training and serving crop it."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from faceage_core.cards.crops import LandmarkCrop
from faceage_core.data.training_crop import training_crop
from faceage_core.detection.crops import cut
from faceage_core.errors import NoFace
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.types import Box, Face, Point

Detect = Callable[[Sequence[NDArray[np.uint8]]], list[list[Face]]]


class FaceCropper:
    """Crops the subject of an image with the detector and the crop that serving uses.

    The subject is the face nearest the box that the source states, or nearest the image center.
    """

    def __init__(self, detect: Detect, crop: LandmarkCrop) -> None:
        self._detect = detect
        self._crop = crop

    @classmethod
    def load(cls, size_px: int, margin: float) -> "FaceCropper":
        """Load the shipped detector; it runs on one thread."""
        from faceage_core.detection.registry import load_detector

        # On one thread, the default: there is one worker process for each core.
        detector = load_detector(resolve(ModelOptions()).detector)
        return cls(detector.detect, training_crop(size_px, margin))

    def crop(self, image: NDArray[np.uint8], box: Box | None) -> NDArray[np.uint8]:
        """Crop the subject.

        Args:
            image: [H, W, 3] uint8 RGB, upright.
            box: the subject's face according to the source, in pixels; None if not stated.

        Returns:
            [size, size, 3] uint8 RGB, black where the crop reaches beyond the image.

        Raises:
            NoFace: no face was detected, or none in the box.
        """
        height, width = image.shape[:2]
        target = box.center if box else (width / 2, height / 2)
        faces = self._detect([image])[0]
        if not faces:
            raise NoFace("the detector found no face")
        subject = min(faces, key=lambda face: _distance(face, target))
        if box and _distance(subject, target) > max(box.width, box.height) / 2:
            raise NoFace("the detector found no face in the box that the source states")
        return cut(image, subject, self._crop)


def _distance(face: Face, target: Point) -> float:
    return abs(complex(*face.box.center) - complex(*target))
