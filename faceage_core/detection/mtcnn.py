"""MTCNN: all faces of a photo, each with a box, five landmarks and a probability.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks",
2016, with the three networks and weights of facenet-pytorch. The cascade follows facenet-pytorch's
arithmetic step by step and returns the same boxes. A photo that is too small for the pyramid, or
that shows no face, gives an empty list. Optionally, the smallest face depends on the photo's size,
very large photos are searched at a reduced size, and close-ups a second time with a border.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceage_core.cards.model_card import DetectorCard
from faceage_core.detection import closeups
from faceage_core.detection.area import AreaResizer
from faceage_core.detection.boxes import (
    Floats,
    Indices,
    apply_offsets,
    suppress_contained,
    suppress_overlapping,
    to_squares,
)
from faceage_core.detection.pyramid import CELL_PX, STRIDE_PX, Canvas, canvases
from faceage_core.detection.reduction import reduce_by_integer
from faceage_core.detection.settings import MtcnnSettings, parse_settings
from faceage_core.errors import InvalidCheckpoint
from faceage_core.inference.batching import batches
from faceage_core.inference.engine import Engine, load_engine
from faceage_core.inference.runtime import Runtime
from faceage_core.types import Box, Face

_REFINE_PX, _OUTPUT_PX = 24, 48  # the inputs of the second and the third network
_MAX_BATCH = 64  # patches at a time; larger batches measured no faster
_OVERLAPPING = 2  # cells for each candidate that remains after non-maximum suppression

_NO_BOXES: Floats = np.zeros((0, 5), dtype=np.float32)


class Mtcnn:
    """The detector; safe to call from several threads."""

    def __init__(self, settings: MtcnnSettings, networks: tuple[Engine, Engine, Engine]) -> None:
        """Prepare the cascade.

        Args:
            settings: of the cascade.
            networks: PNet, RNet and ONet. The outputs of PNet are offsets and scores, [N, 4, h, w]
                and [N, 2, h, w]; of RNet offsets and scores; of ONet offsets, landmarks and scores.
        """
        self._settings = settings
        self._proposal, self._refine, self._output = networks

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        """Find every face of every photo.

        Photos do not share batches, so the faces of a photo do not depend on the other photos.

        Args:
            images: photos of any sizes, each [H, W, 3] uint8 RGB, upright.

        Returns:
            For each photo its faces in pixels of that photo, the largest first.
        """
        return [self._detect(image) for image in images]

    def _detect(self, image: NDArray[np.uint8]) -> list[Face]:
        height, width = image.shape[:2]
        faces = self._drop_uncertain(self._search(image, self._settings))
        if self._settings.closeups and closeups.is_closeup(faces, width, height):
            faces = closeups.merge(faces, self._search_closeup(image))
        return sorted(faces, key=lambda face: -face.box.area)

    def _search_closeup(self, image: NDArray[np.uint8]) -> list[Face]:
        """Search a photo again with a border, for faces that fill it."""
        # Reduced before the border is added: the border of a very large or a long and thin photo
        # would exhaust the memory.
        small, factor = reduce_by_integer(
            image, closeups.side_without_border(self._settings.max_side_px)
        )
        photo, border = closeups.add_border(small)
        min_face_px = int(max(small.shape[:2]) * closeups.MIN_FACE)
        settings = self._settings.model_copy(
            update={"min_face_px": max(self._settings.min_face_px, min_face_px)}
        )
        return [
            closeups.remove_border(face, border).scaled(factor)
            for face in self._search(photo, settings)
            if face.confidence >= settings.confident
        ]

    def _search(self, image: NDArray[np.uint8], settings: MtcnnSettings) -> list[Face]:
        searched, factor = reduce_by_integer(image, settings.max_side_px)
        photo = AreaResizer(searched)
        boxes = self._refine_boxes(photo, self._propose_boxes(photo, settings))
        boxes, points, _ = self._locate_landmarks(photo, boxes)
        for _ in range(1, settings.landmark_passes):
            again, moved, rows = self._locate_landmarks(photo, to_squares(boxes))
            boxes[rows], points[rows] = again, moved  # the others stay as they were
        return [
            _face(row, landmarks).scaled(factor)
            for row, landmarks in zip(boxes.tolist(), points.tolist(), strict=True)
        ]

    def _drop_uncertain(self, faces: list[Face]) -> list[Face]:
        """The confident faces, or all if none is: an uncertain face is better than no result."""
        return [face for face in faces if face.confidence >= self._settings.confident] or faces

    def _propose_boxes(self, photo: AreaResizer, settings: MtcnnSettings) -> Floats:
        """First stage: square candidates, [N, 5] x1, y1, x2, y2, score."""
        pyramid = canvases(photo.height, photo.width, settings)
        found = [boxes for canvas in pyramid for boxes in self._candidates(photo, canvas)]
        if not found:
            return _NO_BOXES
        boxes, levels = np.concatenate(found), np.repeat(np.arange(len(found)), [*map(len, found)])
        keep = suppress_overlapping(boxes, levels, 0.5)
        boxes = boxes[keep[np.argsort(levels[keep], kind="stable")]]
        keep = suppress_overlapping(boxes, np.zeros(len(boxes), np.int64), 0.7)
        boxes = boxes[keep[: settings.max_candidates]]
        size = np.tile(boxes[:, 2:4] - boxes[:, 0:2], 2)
        boxes[:, :4] += boxes[:, 5:9] * size
        return to_squares(boxes[:, :5])

    def _candidates(self, photo: AreaResizer, canvas: Canvas) -> list[Floats]:
        """For each level the cells above the threshold: [N, 9] x1, y1, x2, y2, score, 4 offsets."""
        pixels = np.zeros((1, 3, canvas.height, canvas.width), dtype=np.float32)
        for level in canvas.levels:
            rows = slice(level.top, level.top + level.height)
            columns = slice(level.left, level.left + level.width)
            pixels[:, :, rows, columns] = photo.whole(level.height, level.width)
        offsets, scores = self._proposal(_normalise(pixels))
        return [
            self._cells(scores[0, 1][level.cells], offsets[0][:, *level.cells], level.scale)
            for level in canvas.levels
        ]

    def _cells(self, scores: Floats, offsets: Floats, scale: float) -> Floats:
        """The cells of one level, from its scores [h, w] and offsets [4, h, w]."""
        rows, columns = np.nonzero(scores >= np.float32(self._settings.thresholds[0]))
        if limit := self._settings.max_candidates:
            best = _best(scores[rows, columns], limit * _OVERLAPPING)
            rows, columns = rows[best], columns[best]
        corner = STRIDE_PX * np.stack([columns, rows], axis=1).astype(np.float32)
        return np.concatenate(
            [
                np.floor((corner + np.float32(1)) / np.float32(scale)),
                np.floor((corner + np.float32(CELL_PX)) / np.float32(scale)),
                scores[rows, columns][:, None],
                offsets[:, rows, columns].T,
            ],
            axis=1,
        )

    def _refine_boxes(self, photo: AreaResizer, boxes: Floats) -> Floats:
        """Second stage: refined squares, [N, 5]."""
        rows, spans = _clip_to_photo(photo, boxes)
        if len(rows) == 0:
            return _NO_BOXES
        offsets, scores = _run_on_patches(self._refine, photo, spans, _REFINE_PX)
        boxes, (offsets,) = _above_threshold(
            boxes[rows], scores[:, 1], self._settings.thresholds[1], offsets
        )
        keep = suppress_overlapping(boxes, np.zeros(len(boxes), np.int64), 0.7)
        return to_squares(apply_offsets(boxes[keep], offsets[keep]))

    def _locate_landmarks(
        self, photo: AreaResizer, boxes: Floats
    ) -> tuple[Floats, Floats, Indices]:
        """Third stage: final boxes [N, 5], landmarks [N, 5, 2], and which candidates they were."""
        rows, spans = _clip_to_photo(photo, boxes)
        if len(rows) == 0:
            return _NO_BOXES, np.zeros((0, 5, 2), dtype=np.float32), rows
        offsets, points, scores = _run_on_patches(self._output, photo, spans, _OUTPUT_PX)
        boxes, (rows, offsets, points) = _above_threshold(
            boxes[rows], scores[:, 1], self._settings.thresholds[2], rows, offsets, points
        )
        size = boxes[:, 2:4] - boxes[:, 0:2] + 1
        landmarks = np.stack([points[:, :5], points[:, 5:]], axis=2)
        landmarks = landmarks * size[:, None, :] + boxes[:, None, 0:2] - 1
        boxes = apply_offsets(boxes, offsets)
        keep = suppress_contained(boxes, 0.7)
        return boxes[keep], landmarks[keep], rows[keep]


def load_mtcnn(card: DetectorCard, files: Sequence[Path], runtime: Runtime) -> Mtcnn:
    """Load MTCNN from its card and the ONNX files of PNet, RNet and ONet, in this order.

    Raises:
        InvalidArgument: the device, the precision or the engine is unavailable.
        InvalidCheckpoint: invalid settings, another number of weights files than three, or a file
            of another network.
    """
    settings = parse_settings(card, MtcnnSettings)
    if len(files) != 3:
        raise InvalidCheckpoint(
            f"{card.name}: mtcnn needs three weights files, the card has {len(files)}"
        )
    proposal, refine, output = (
        load_engine(
            path.read_bytes(),
            name=f"{card.name} ({path.name})",
            size_px=size_px,
            runtime=runtime,
        )
        for path, size_px in zip(files, (None, _REFINE_PX, _OUTPUT_PX), strict=True)
    )
    return Mtcnn(settings, (proposal, refine, output))


def _normalise(pixels: Floats) -> Floats:
    """Change pixels from 0-255 to the networks' range, in place."""
    pixels -= np.float32(127.5)
    pixels *= np.float32(0.0078125)
    return pixels


def _best(scores: Floats, limit: int) -> Indices:
    """The ascending indices of at most `limit` highest scores."""
    if len(scores) <= limit:
        return np.arange(len(scores))
    return np.sort(np.argpartition(-scores, limit)[:limit])


def _above_threshold(
    boxes: Floats, scores: Floats, threshold: float, *others: NDArray[Any]
) -> tuple[Floats, list[NDArray[Any]]]:
    """The boxes whose new score is above the threshold, and the same rows of the other arrays."""
    passing = scores > np.float32(threshold)
    rescored = np.concatenate([boxes[:, :4], scores[:, None]], axis=1)
    return rescored[passing], [other[passing] for other in others]


def _clip_to_photo(photo: AreaResizer, boxes: Floats) -> tuple[Indices, Indices]:
    """The indices of the candidates that overlap the photo, and the overlap [N, 4]."""
    pixels = boxes[:, :4].astype(np.int64)
    size = (photo.width, photo.height)
    spans = np.hstack([np.maximum(pixels[:, :2], 1) - 1, np.minimum(pixels[:, 2:], size)])
    rows = np.flatnonzero((spans[:, 2:] > spans[:, :2]).all(axis=1))
    return rows, spans[rows]


def _run_on_patches(
    engine: Engine, photo: AreaResizer, spans: Indices, size_px: int
) -> list[Floats]:
    """Run a network on the parts of the photo, [N, 4], each resized to a square."""
    parts = [
        engine(_normalise(photo.patches(spans[batch], size_px)))
        for batch in batches(len(spans), max_batch=_MAX_BATCH)
    ]
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def _face(row: list[float], landmarks: list[list[float]]) -> Face:
    x1, y1, x2, y2, confidence = row
    return Face(Box(x1, y1, x2, y2), tuple((x, y) for x, y in landmarks), confidence)
