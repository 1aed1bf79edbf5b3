"""Whose age is it: the labelled face of a photo, cut out in the frame of training and serving."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from faceage_core.cards.schema import shipped_card
from faceage_core.data.training_crop import training_crop
from faceage_core.detection.crops import LandmarkCrop, cut
from faceage_core.errors import NoFace
from faceage_core.types import Box, Face, Point

Detect = Callable[[Sequence[NDArray[np.uint8]]], list[list[Face]]]


class FaceCropper:
    """Finds the subject with the detector that serves, and cuts it with the crop that serves.

    The subject is the face nearest the middle, or nearest the box that the source gives.
    """

    def __init__(self, detect: Detect, crop: LandmarkCrop) -> None:
        self._detect = detect
        self._crop = crop

    @classmethod
    def load(cls, size_px: int, margin: float) -> "FaceCropper":
        """With the shipped detector, on one thread."""
        import torch

        from faceage_core.detection.mtcnn import Mtcnn

        torch.set_num_threads(1)  # each process of a run has a core of its own
        settings = shipped_card("mtcnn").detection
        assert settings is not None
        return cls(Mtcnn(settings).detect, training_crop(size_px, margin))

    def cut(self, image: NDArray[np.uint8], box: Box | None) -> NDArray[np.uint8]:
        """Cut the subject out.

        Args:
            image: [H, W, 3] uint8 RGB, upright.
            box: where the subject's face is known to be.

        Returns:
            [size, size, 3] uint8 RGB, black where the crop reaches beyond the photo.

        Raises:
            NoFace: there is no face, or none where the subject's must be.
        """
        height, width = image.shape[:2]
        target = box.center if box else (width / 2, height / 2)
        faces = self._detect([image])[0]
        if not faces:
            raise NoFace("the detector found no face")
        subject = min(faces, key=lambda face: _distance(face, target))
        if box and _distance(subject, target) > max(box.width, box.height) / 2:
            raise NoFace("the detector found no face in the box that the source gives")
        return cut(image, subject, self._crop)


def _distance(face: Face, target: Point) -> float:
    return abs(complex(*face.box.center) - complex(*target))
