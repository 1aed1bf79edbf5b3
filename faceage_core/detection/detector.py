"""The Detector protocol, and the first stage: photos in, faces and their crops out."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from faceage_core.cards.crops import CropSpec
from faceage_core.detection.crops import cut
from faceage_core.errors import FaceageError
from faceage_core.images import ImageData, ImageLimits, decode
from faceage_core.types import Detection, Face, Role


class Detector(Protocol):
    """A face detector; safe to call from several threads."""

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        """Find the faces of several photos.

        Args:
            images: photos of any sizes, each [H, W, 3] uint8 RGB, upright.

        Returns:
            For each photo its faces in pixels of that photo, the largest first.
        """
        ...


class FaceDetector:
    """Decodes photos, detects faces, and cuts each face for the later networks."""

    def __init__(
        self,
        detector: Detector,
        crops: Mapping[Role, CropSpec],
        *,
        limits: ImageLimits = ImageLimits(),
        max_faces: int = 64,
    ) -> None:
        self._detector = detector
        self._crops = crops
        self._limits = limits
        self._max_faces = max_faces

    def detect(self, photos: Sequence[ImageData]) -> list[Detection | FaceageError]:
        """Find the faces of several photos.

        Args:
            photos: each an encoded image, or pixels, [H, W, 3] uint8 RGB, upright.

        Returns:
            For each photo the detection, possibly without faces, or the error that this photo
            caused; other photos are not affected.
        """
        images = [self._decode(photo) for photo in photos]
        valid = [image for image in images if not isinstance(image, FaceageError)]
        found = iter(self._detector.detect(valid))
        return [
            image if isinstance(image, FaceageError) else self._detection(image, next(found))
            for image in images
        ]

    def _decode(self, photo: ImageData) -> NDArray[np.uint8] | FaceageError:
        if isinstance(photo, np.ndarray):
            return photo
        try:
            return decode(photo, self._limits)
        except FaceageError as error:
            return error

    def _detection(self, image: NDArray[np.uint8], faces: list[Face]) -> Detection:
        kept = faces[: self._max_faces]
        return Detection(
            width=image.shape[1],
            height=image.shape[0],
            faces=tuple(kept),
            crops={role: _cut_all(image, kept, spec) for role, spec in self._crops.items()},
            faces_left_out=len(faces) - len(kept),
        )


def _cut_all(image: NDArray[np.uint8], faces: list[Face], spec: CropSpec) -> NDArray[np.uint8]:
    crops = [cut(image, face, spec) for face in faces]
    return np.stack(crops) if crops else np.zeros((0, spec.size_px, spec.size_px, 3), np.uint8)
