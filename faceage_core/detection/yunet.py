"""YuNet: all faces of a photo in one pass of a small network.

Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research, 2023. The
outputs are decoded as by OpenCV's FaceDetectorYN. The network was trained on faces of 10 to 300
pixels, so a large photo is searched a second time at a small size, for large faces only.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceage_core.cards.model_card import DetectorCard
from faceage_core.detection.boxes import Floats, suppress_overlapping
from faceage_core.detection.reduction import reduce_photo
from faceage_core.detection.settings import YunetSettings, parse_settings
from faceage_core.errors import InvalidCheckpoint
from faceage_core.inference.engine import Engine, load_engine
from faceage_core.inference.runtime import Runtime
from faceage_core.types import Box, Face

_STRIDES_PX = (8, 16, 32)  # the sides of the cells of the three levels
_MULTIPLE_PX = 32  # of which the sides of the input must be multiples
_LARGE_FACE = 0.2  # of the longer side: the smallest face that the second search looks for


class Yunet:
    """The detector; safe to call from several threads."""

    def __init__(self, settings: YunetSettings, network: Engine) -> None:
        """Prepare the detector.

        Args:
            settings: of the detector.
            network: its outputs are those of `decode`.
        """
        self._settings = settings
        self._network = network

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        """Find every face of every photo, one photo at a time.

        Args:
            images: photos of any sizes, each [H, W, 3] uint8 RGB, upright.

        Returns:
            For each photo its faces in pixels of that photo, the largest first.
        """
        return [self._find_faces(image) for image in images]

    def _find_faces(self, image: NDArray[np.uint8]) -> list[Face]:
        settings = self._settings
        rows = self._search(image, settings.max_side_px, settings.min_face_px)
        overview_px = settings.overview_side_px
        if overview_px is not None and max(image.shape[:2]) > overview_px:
            large = self._search(image, overview_px, _LARGE_FACE * overview_px)
            rows = np.concatenate([rows, large])
        one_group = np.zeros(len(rows), dtype=np.int64)
        rows = rows[suppress_overlapping(rows, one_group, settings.nms_threshold)]
        return sorted(map(_face, rows.tolist()), key=lambda face: -face.box.area)

    def _search(
        self, image: NDArray[np.uint8], max_side_px: int | None, min_face_px: float
    ) -> Floats:
        """The candidates of one pass, [N, 15] as from `decode`, in pixels of the photo."""
        small, (x, y) = reduce_photo(image, max_side_px)
        batch = _network_input(small)
        rows = decode(self._network(batch), batch.shape[3], self._settings.score_threshold)
        rows = rows[rows[:, 3] - rows[:, 1] >= min_face_px]
        best = np.argsort(-rows[:, 4], kind="stable")[: self._settings.max_candidates]
        return rows[best] * np.array([x, y, x, y, 1, *(x, y) * 5], dtype=np.float32)


def load_yunet(card: DetectorCard, files: Sequence[Path], runtime: Runtime) -> Yunet:
    """Load YuNet from its card and its ONNX file.

    Raises:
        InvalidArgument: the device, the precision or the engine is unavailable.
        InvalidCheckpoint: invalid settings, another number of weights files than one, or a file of
            another network.
    """
    settings = parse_settings(card, YunetSettings)
    if len(files) != 1:
        raise InvalidCheckpoint(
            f"{card.name}: yunet needs one weights file, the card has {len(files)}"
        )
    network = load_engine(files[0].read_bytes(), name=card.name, size_px=None, runtime=runtime)
    return Yunet(settings, network)


def decode(outputs: Sequence[Floats], width_px: int, threshold: float) -> Floats:
    """The cells whose score reaches a threshold, as boxes with landmarks.

    Args:
        outputs: of one photo, for cells of 8, 16 and 32 pixels each: the probabilities of a face
            [1, cells, 1] and of an object [1, cells, 1], the boxes [1, cells, 4] (center, and
            logarithms of width and height), and the landmarks [1, cells, 10]. All are relative to
            the cell and in units of its side; the cells of a row are adjacent.
        width_px: of the network's input.
        threshold: of the score, the geometric mean of both probabilities.

    Returns:
        [N, 15] x1, y1, x2, y2, score, then x and y of the five landmarks in the order of `Face`; in
        pixels of the network's input.
    """
    levels = len(_STRIDES_PX)
    found = []
    for level, stride in enumerate(_STRIDES_PX):
        face, thing, boxes, points = (output[0] for output in outputs[level::levels])
        scores = np.sqrt(np.clip(face[:, 0], 0, 1) * np.clip(thing[:, 0], 0, 1))
        cells = np.flatnonzero(scores >= np.float32(threshold))
        rows, columns = np.divmod(cells, width_px // stride)
        corners = np.stack([columns, rows], axis=1).astype(np.float32)
        centers, half = corners + boxes[cells, :2], np.exp(boxes[cells, 2:]) / 2
        landmarks = np.tile(corners, 5) + points[cells]
        pixels = stride * np.concatenate([centers - half, centers + half, landmarks], axis=1)
        found.append(np.insert(pixels, 4, scores[cells], axis=1))
    return np.concatenate(found)


def _network_input(image: NDArray[np.uint8]) -> Floats:
    """[1, 3, H, W] float32 BGR, 0-255, with black pixels to the right and below."""
    height, width = image.shape[:2]
    sides = (-(-side // _MULTIPLE_PX) * _MULTIPLE_PX for side in (height, width))
    batch = np.zeros((1, 3, *sides), dtype=np.float32)
    batch[0, :, :height, :width] = image[:, :, ::-1].transpose(2, 0, 1)
    return batch


def _face(row: list[float]) -> Face:
    x1, y1, x2, y2, confidence, *points = row
    landmarks = tuple(zip(points[::2], points[1::2], strict=True))
    return Face(box=Box(x1, y1, x2, y2), landmarks=landmarks, confidence=confidence)
