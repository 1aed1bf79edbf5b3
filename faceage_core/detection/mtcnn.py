"""MTCNN: all faces of a photo, each with a box, five landmarks and a probability.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks",
2016, with the three networks and weights of facenet-pytorch. The cascade follows facenet-pytorch's
arithmetic step by step and returns the same boxes. There are three differences. Photos of different
sizes share the batches of the second and third network. A photo that is too small for the pyramid,
or that shows no face, gives an empty list. Optionally, very large photos are searched at a reduced
size, and close-ups a second time with a border.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

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
from faceage_core.detection.settings import MtcnnSettings, parse_settings
from faceage_core.errors import InvalidCheckpoint
from faceage_core.inference.engine import Engine, load_engine
from faceage_core.inference.runtime import Runtime
from faceage_core.types import Box, Face

_CELL_PX = 12  # the field of view of the first network
_STRIDE_PX = 2
_REFINE_PX, _OUTPUT_PX = 24, 48  # the inputs of the second and the third network
_BATCH = 512  # patches at a time; limits the memory
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

        Args:
            images: photos of any sizes, each [H, W, 3] uint8 RGB, upright.

        Returns:
            For each photo its faces in pixels of that photo, the largest first.
        """
        found = [self._drop_uncertain(faces) for faces in self._search(images, self._settings)]
        if self._settings.closeups:
            self._search_closeups(images, found)
        return [sorted(faces, key=lambda face: -face.box.area) for faces in found]

    def _search_closeups(
        self, images: Sequence[NDArray[np.uint8]], found: list[list[Face]]
    ) -> None:
        """Search close-ups again and update `found`; one by one, as the smallest face differs."""
        for i, image in enumerate(images):
            height, width = image.shape[:2]
            if not closeups.is_closeup(found[i], width, height):
                continue
            # Reduced before the border is added: the border of a very large or a long and thin
            # photo would exhaust the memory.
            small, back = _shrink(image, closeups.side_without_border(self._settings.max_side_px))
            photo, border = closeups.add_border(small)
            min_face_px = int(max(small.shape[:2]) * closeups.MIN_FACE)
            settings = self._settings.model_copy(
                update={"min_face_px": max(self._settings.min_face_px, min_face_px)}
            )
            second = [
                closeups.remove_border(face, border, back)
                for face in self._search([photo], settings)[0]
                if face.confidence >= settings.confident
            ]
            found[i] = closeups.merge(found[i], second)

    def _search(
        self, images: Sequence[NDArray[np.uint8]], settings: MtcnnSettings
    ) -> list[list[Face]]:
        searched = [_shrink(image, settings.max_side_px) for image in images]
        photos = [AreaResizer(photo) for photo, _ in searched]
        boxes, owners = self._propose_boxes(photos, settings)
        boxes, owners = self._refine_boxes(photos, boxes, owners)
        boxes, owners, points = self._locate_landmarks(photos, boxes, owners)
        faces: list[list[Face]] = [[] for _ in images]
        for row, owner, landmarks in zip(
            boxes.tolist(), owners.tolist(), points.tolist(), strict=True
        ):
            faces[owner].append(_face(row, landmarks, searched[owner][1]))
        return faces

    def _drop_uncertain(self, faces: list[Face]) -> list[Face]:
        """The confident faces, or all if none is: an uncertain face is better than no result."""
        return [face for face in faces if face.confidence >= self._settings.confident] or faces

    def _propose_boxes(
        self, photos: list[AreaResizer], settings: MtcnnSettings
    ) -> tuple[Floats, Indices]:
        """First stage: square candidates [N, 5] (x1, y1, x2, y2, score), photo indices [N]."""
        found = [self._propose_in_photo(photo, settings) for photo in photos]
        owners = np.repeat(np.arange(len(found)), [len(boxes) for boxes in found])
        return np.concatenate([_NO_BOXES, *found]), owners

    def _propose_in_photo(self, photo: AreaResizer, settings: MtcnnSettings) -> Floats:
        scales = _pyramid(photo.height, photo.width, settings)
        found = [self._candidates(photo, scale) for scale in scales]
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

    def _candidates(self, photo: AreaResizer, scale: float) -> Floats:
        """The cells above the threshold at one scale: [N, 9] x1, y1, x2, y2, score, 4 offsets."""
        level = photo.whole(int(photo.height * scale + 1), int(photo.width * scale + 1))
        offsets, scores = self._proposal(_normalised(level))
        rows, columns = np.nonzero(scores[0, 1] >= np.float32(self._settings.thresholds[0]))
        if limit := self._settings.max_candidates:
            best = _best(scores[0, 1, rows, columns], limit * _OVERLAPPING)
            rows, columns = rows[best], columns[best]
        corner = _STRIDE_PX * np.stack([columns, rows], axis=1).astype(np.float32)
        return np.concatenate(
            [
                np.floor((corner + np.float32(1)) / np.float32(scale)),
                np.floor((corner + np.float32(_CELL_PX)) / np.float32(scale)),
                scores[0, 1, rows, columns][:, None],
                offsets[0][:, rows, columns].T,
            ],
            axis=1,
        )

    def _refine_boxes(
        self, photos: list[AreaResizer], boxes: Floats, owners: Indices
    ) -> tuple[Floats, Indices]:
        """Second stage: refined squares [N, 5], photo indices [N]."""
        boxes, owners, spans = _clip_to_photos(photos, boxes, owners)
        if len(boxes) == 0:
            return boxes, owners
        offsets, scores = _run_in_batches(self._refine, photos, owners, spans, _REFINE_PX)
        boxes, (owners, offsets) = _above_threshold(
            boxes, scores[:, 1], self._settings.thresholds[1], owners, offsets
        )
        keep = suppress_overlapping(boxes, owners, 0.7)
        return to_squares(apply_offsets(boxes[keep], offsets[keep])), owners[keep]

    def _locate_landmarks(
        self, photos: list[AreaResizer], boxes: Floats, owners: Indices
    ) -> tuple[Floats, Indices, Floats]:
        """Third stage: final boxes [N, 5], photo indices [N], landmarks [N, 5, 2]."""
        boxes, owners, spans = _clip_to_photos(photos, boxes, owners)
        if len(boxes) == 0:
            return boxes, owners, np.zeros((0, 5, 2), dtype=np.float32)
        offsets, points, scores = _run_in_batches(self._output, photos, owners, spans, _OUTPUT_PX)
        boxes, (owners, offsets, points) = _above_threshold(
            boxes, scores[:, 1], self._settings.thresholds[2], owners, offsets, points
        )
        size = boxes[:, 2:4] - boxes[:, 0:2] + 1
        landmarks = np.stack([points[:, :5], points[:, 5:]], axis=2)
        landmarks = landmarks * size[:, None, :] + boxes[:, None, 0:2] - 1
        boxes = apply_offsets(boxes, offsets)
        keep = suppress_contained(boxes, owners, 0.7)
        return boxes[keep], owners[keep], landmarks[keep]


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


def _shrink(
    image: NDArray[np.uint8], max_side_px: int | None
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """The photo to search, and the factors (x, y) from its pixels to the original's pixels."""
    height, width = image.shape[:2]
    if max_side_px is None or max(height, width) <= max_side_px:
        return image, (1.0, 1.0)
    ratio = max_side_px / max(height, width)
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
    return small, (width / size[0], height / size[1])


def _normalised(pixels: Floats) -> Floats:
    return (pixels - np.float32(127.5)) * np.float32(0.0078125)


def _pyramid(height: int, width: int, settings: MtcnnSettings) -> list[float]:
    """The scales at which the shorter side is at least one field of view."""
    scale = _CELL_PX / settings.min_face_px
    side = min(height, width) * scale
    scales = []
    while side >= _CELL_PX:
        scales.append(scale)
        scale *= settings.factor
        side *= settings.factor
    return scales


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


def _clip_to_photos(
    photos: list[AreaResizer], boxes: Floats, owners: Indices
) -> tuple[Floats, Indices, Indices]:
    """The candidates that overlap their photo, their photo indices, and the overlap [N, 4]."""
    sizes = np.array([(photo.width, photo.height) for photo in photos]).reshape(-1, 2)[owners]
    pixels = boxes[:, :4].astype(np.int64)
    spans = np.hstack([np.maximum(pixels[:, :2], 1) - 1, np.minimum(pixels[:, 2:], sizes)])
    inside = (spans[:, 2:] > spans[:, :2]).all(axis=1)
    return boxes[inside], owners[inside], spans[inside]


def _run_in_batches(
    engine: Engine, photos: list[AreaResizer], owners: Indices, spans: Indices, size_px: int
) -> list[Floats]:
    """Run a network on all candidates, cut and resized in batches."""
    parts = []
    for at in range(0, len(spans), _BATCH):
        batch = slice(at, at + _BATCH)
        parts.append(engine(_normalised(_patches(photos, owners[batch], spans[batch], size_px))))
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def _patches(photos: list[AreaResizer], owners: Indices, spans: Indices, size_px: int) -> Floats:
    """[N, 3, size, size] float32, 0-255: the resized pixels of each candidate."""
    patches = np.empty((len(spans), 3, size_px, size_px), dtype=np.float32)
    for i in np.unique(owners):
        patches[owners == i] = photos[i].patches(spans[owners == i], size_px)
    return patches


def _face(row: list[float], landmarks: list[list[float]], back: tuple[float, float]) -> Face:
    x, y = back
    x1, y1, x2, y2, confidence = row
    return Face(
        box=Box(x1 * x, y1 * y, x2 * x, y2 * y),
        landmarks=tuple((px * x, py * y) for px, py in landmarks),
        confidence=confidence,
    )
