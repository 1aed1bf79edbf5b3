"""Photos' bytes in, faces and their crops out: the first stage of everything."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from faceage_core.detection.crops import CropSpec, cut
from faceage_core.detection.mtcnn import Mtcnn
from faceage_core.errors import FaceageError
from faceage_core.images import ImageLimits, decode
from faceage_core.types import Detection, Face, Role


class FaceDetector:
    """Decodes, detects, and cuts each face as every later network wants it."""

    def __init__(
        self,
        mtcnn: Mtcnn,
        crops: Mapping[Role, CropSpec],
        *,
        limits: ImageLimits = ImageLimits(),
        max_faces: int = 64,
    ) -> None:
        self._mtcnn = mtcnn
        self._crops = crops
        self._limits = limits
        self._max_faces = max_faces

    def detect(self, photos: Sequence[bytes]) -> list[Detection | FaceageError]:
        """Find the faces of several photos.

        Args:
            photos: encoded pictures.

        Returns:
            For each photo what was found (perhaps no face), or the error that this photo caused:
            one bad photo does not fail its neighbours.
        """
        images = [self._decoded(photo) for photo in photos]
        readable = [image for image in images if not isinstance(image, FaceageError)]
        found = iter(self._mtcnn.detect(readable))
        return [
            image if isinstance(image, FaceageError) else self._detection(image, next(found))
            for image in images
        ]

    def _decoded(self, photo: bytes) -> NDArray[np.uint8] | FaceageError:
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
            crops={role: _stack(image, kept, spec) for role, spec in self._crops.items()},
            faces_left_out=len(faces) - len(kept),
        )


def _stack(image: NDArray[np.uint8], faces: list[Face], spec: CropSpec) -> NDArray[np.uint8]:
    crops = [cut(image, face, spec) for face in faces]
    return np.stack(crops) if crops else np.zeros((0, spec.size_px, spec.size_px, 3), np.uint8)
