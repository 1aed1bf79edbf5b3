"""The Detector protocol, and the first stage: photos in, faces and their crops out."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from faceage_core.cards.crops import CropSpec
from faceage_core.detection.crops import cut, pixels_per_crop_pixel
from faceage_core.errors import FaceageError
from faceage_core.images import ImageData, ImageLimits, Photo, decode, decode_photo
from faceage_core.types import Detection, Face, Role

# Large JPEGs are decoded at a reduced scale that keeps this side. If a face is too small there for
# its crops, the photo is decoded again at full scale.
_LEAST_SIDE_PX = 1024


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
        decoded = [self._decode(photo) for photo in photos]
        valid = [photo.pixels for photo in decoded if not isinstance(photo, FaceageError)]
        found = iter(self._detector.detect(valid))
        return [
            image if isinstance(image, FaceageError) else self._detection(data, image, next(found))
            for data, image in zip(photos, decoded, strict=True)
        ]

    def _decode(self, photo: ImageData) -> Photo | FaceageError:
        if isinstance(photo, np.ndarray):
            return Photo(photo, photo.shape[1], photo.shape[0], reduction=1)
        try:
            return decode_photo(photo, self._limits, least_side_px=_LEAST_SIDE_PX)
        except FaceageError as error:
            return error

    def _detection(self, data: ImageData, photo: Photo, found: list[Face]) -> Detection:
        kept = found[: self._max_faces]
        faces = [face.scaled(photo.reduction) for face in kept]
        pixels, placed = photo.pixels, kept
        if isinstance(data, bytes) and photo.reduction > 1 and self._are_small(kept):
            pixels, placed = decode(data, self._limits), faces
        return Detection(
            width=photo.width,
            height=photo.height,
            faces=tuple(faces),
            crops={role: _cut_all(pixels, placed, spec) for role, spec in self._crops.items()},
            faces_left_out=len(found) - len(kept),
        )

    def _are_small(self, faces: list[Face]) -> bool:
        """Whether a crop would show fewer pixels of the reduced photo than it has."""
        specs = self._crops.values()
        return any(pixels_per_crop_pixel(face, spec) < 1 for face in faces for spec in specs)


def _cut_all(image: NDArray[np.uint8], faces: list[Face], spec: CropSpec) -> NDArray[np.uint8]:
    crops = [cut(image, face, spec) for face in faces]
    return np.stack(crops) if crops else np.zeros((0, spec.size_px, spec.size_px, 3), np.uint8)
