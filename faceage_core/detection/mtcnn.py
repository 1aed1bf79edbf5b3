"""MTCNN: all faces of a photo, each with a box, five landmarks and a probability.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks",
2016, on the three networks and weights that facenet-pytorch ships. The cascade follows
facenet-pytorch's arithmetic step by step, so that both give the same boxes; what differs is that
photos of any sizes share the batches of the second and third network, that a photo too small for
the pyramid or without a face is an empty result, and, where the settings ask for it, that very
large photos are searched at a bounded size and close-ups once more with a border.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from numpy.typing import NDArray
from PIL import Image
from torchvision.ops import batched_nms

from faceage_core.detection import closeups
from faceage_core.detection.area import AreaResizer
from faceage_core.detection.settings import DetectionSettings
from faceage_core.inference.engine import Engine, engine_for_module
from faceage_core.types import Box, Face

_CELL_PX = 12  # the field of view of the first network
_STRIDE_PX = 2
_BATCH = 512  # patches at a time, which bounds the memory
_OVERLAPPING = 2  # cells to each candidate that is left when those which overlap are suppressed

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]

_NO_BOXES: Floats = np.zeros((0, 5), dtype=np.float32)


class Mtcnn:
    """The detector: loaded once, safe to call from several threads."""

    def __init__(
        self,
        settings: DetectionSettings = DetectionSettings(),
        *,
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        self._settings = settings
        self._proposal = _engine(PNet(), _CELL_PX * 4, device, threads, dynamic_size=True)
        self._refine = _engine(RNet(), 24, device, threads)
        self._output = _engine(ONet(), 48, device, threads)

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        """Find every face of every photo.

        Args:
            images: photos of any sizes, each [H, W, 3] uint8 RGB, upright.

        Returns:
            For each photo its faces, the largest first, in pixels of that photo.
        """
        found = [self._confident(faces) for faces in self._search(images, self._settings)]
        if self._settings.closeups:
            self._search_closeups(images, found)
        return [sorted(faces, key=lambda face: -face.box.area) for faces in found]

    def _search_closeups(
        self, images: Sequence[NDArray[np.uint8]], found: list[list[Face]]
    ) -> None:
        """Search close-ups again, one by one as each has its own smallest face, and amend."""
        for i, image in enumerate(images):
            height, width = image.shape[:2]
            if not closeups.is_closeup(found[i], width, height):
                continue
            # Made small before the border is put round it: of a large photo, or a long and thin
            # one, the border alone would fill the memory.
            small, back = _shrink(image, closeups.unbordered_px(self._settings.max_side_px))
            photo, border = closeups.bordered(small)
            least = int(max(small.shape[:2]) * closeups.SMALLEST)
            settings = self._settings.model_copy(
                update={"min_face_px": max(self._settings.min_face_px, least)}
            )
            again = [
                closeups.without_border(face, border, back)
                for face in self._search([photo], settings)[0]
                if face.confidence >= settings.confident
            ]
            found[i] = closeups.merged(found[i], again)

    def _search(
        self, images: Sequence[NDArray[np.uint8]], settings: DetectionSettings
    ) -> list[list[Face]]:
        searched = [_shrink(image, settings.max_side_px) for image in images]
        photos = [AreaResizer(photo) for photo, _ in searched]
        boxes, owners = self._propose(photos, settings)
        boxes, owners = self._refined(photos, boxes, owners)
        boxes, owners, points = self._located(photos, boxes, owners)
        faces: list[list[Face]] = [[] for _ in images]
        for row, owner, landmarks in zip(
            boxes.tolist(), owners.tolist(), points.tolist(), strict=True
        ):
            faces[owner].append(_face(row, landmarks, searched[owner][1]))
        return faces

    def _confident(self, faces: list[Face]) -> list[Face]:
        """The confident faces, or all where there is none: a doubtful face beats no answer."""
        return [face for face in faces if face.confidence >= self._settings.confident] or faces

    def _propose(
        self, photos: list[AreaResizer], settings: DetectionSettings
    ) -> tuple[Floats, Whole]:
        """First stage: square candidates [N, 5] (x1, y1, x2, y2, score), owners [N]."""
        found = [self._propose_one(photo, settings) for photo in photos]
        owners = np.repeat(np.arange(len(found)), [len(boxes) for boxes in found])
        return np.concatenate([_NO_BOXES, *found]), owners

    def _propose_one(self, photo: AreaResizer, settings: DetectionSettings) -> Floats:
        scales = _pyramid(photo.height, photo.width, settings)
        found = [self._candidates(photo, scale) for scale in scales]
        if not found:
            return _NO_BOXES
        boxes, levels = np.concatenate(found), np.repeat(np.arange(len(found)), [*map(len, found)])
        keep = _nms(boxes, levels, 0.5)
        boxes = boxes[keep[np.argsort(levels[keep], kind="stable")]]
        boxes = boxes[_nms(boxes, np.zeros(len(boxes), np.int64), 0.7)][: settings.max_candidates]
        size = np.tile(boxes[:, 2:4] - boxes[:, 0:2], 2)
        boxes[:, :4] += boxes[:, 5:9] * size
        return _squared(boxes[:, :5])

    def _candidates(self, photo: AreaResizer, scale: float) -> Floats:
        """The cells that pass at one size: [N, 9] as x1, y1, x2, y2, score, four offsets."""
        level = photo.whole(int(photo.height * scale + 1), int(photo.width * scale + 1))
        offsets, scores = self._proposal(_normalised(level))
        rows, columns = np.nonzero(scores[0, 1] >= np.float32(self._settings.thresholds[0]))
        if most := self._settings.max_candidates:
            best = _best(scores[0, 1, rows, columns], most * _OVERLAPPING)
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

    def _refined(
        self, photos: list[AreaResizer], boxes: Floats, owners: Whole
    ) -> tuple[Floats, Whole]:
        """Second stage: fewer and better squares."""
        boxes, owners, spans = _visible(photos, boxes, owners)
        if len(boxes) == 0:
            return boxes, owners
        offsets, scores = _batched(self._refine, photos, owners, spans, 24)
        boxes, (owners, offsets) = _passing(
            boxes, scores[:, 1], self._settings.thresholds[1], owners, offsets
        )
        keep = _nms(boxes, owners, 0.7)
        return _squared(_regressed(boxes[keep], offsets[keep])), owners[keep]

    def _located(
        self, photos: list[AreaResizer], boxes: Floats, owners: Whole
    ) -> tuple[Floats, Whole, Floats]:
        """Third stage: final boxes [N, 5], owners [N], landmarks [N, 5, 2]."""
        boxes, owners, spans = _visible(photos, boxes, owners)
        if len(boxes) == 0:
            return boxes, owners, np.zeros((0, 5, 2), dtype=np.float32)
        offsets, points, scores = _batched(self._output, photos, owners, spans, 48)
        boxes, (owners, offsets, points) = _passing(
            boxes, scores[:, 1], self._settings.thresholds[2], owners, offsets, points
        )
        size = boxes[:, 2:4] - boxes[:, 0:2] + 1
        landmarks = np.stack([points[:, :5], points[:, 5:]], axis=2)
        landmarks = landmarks * size[:, None, :] + boxes[:, None, 0:2] - 1
        boxes = _regressed(boxes, offsets)
        keep = _nms_by_smaller(boxes, owners, 0.7)
        return boxes[keep], owners[keep], landmarks[keep]


def _engine(
    module: torch.nn.Module, size: int, device: str, threads: int, *, dynamic_size: bool = False
) -> Engine:
    return engine_for_module(
        module,
        torch.zeros(1, 3, size, size),
        device=device,
        threads=threads,
        dynamic_size=dynamic_size,
    )


def _shrink(
    image: NDArray[np.uint8], max_side_px: int | None
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """The photo to search, and the factors (x, y) that lead back to the original's pixels."""
    height, width = image.shape[:2]
    if max_side_px is None or max(height, width) <= max_side_px:
        return image, (1.0, 1.0)
    ratio = max_side_px / max(height, width)
    size = max(1, round(width * ratio)), max(1, round(height * ratio))
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
    return small, (width / size[0], height / size[1])


def _normalised(pixels: Floats) -> Floats:
    return (pixels - np.float32(127.5)) * np.float32(0.0078125)


def _pyramid(height: int, width: int, settings: DetectionSettings) -> list[float]:
    """The scales at which the shorter side still holds one field of view."""
    scale = _CELL_PX / settings.min_face_px
    side = min(height, width) * scale
    scales = []
    while side >= _CELL_PX:
        scales.append(scale)
        scale *= settings.factor
        side *= settings.factor
    return scales


def _best(scores: Floats, most: int) -> Whole:
    """Where the highest scores are, so many at most, in the order in which they come."""
    if len(scores) <= most:
        return np.arange(len(scores))
    return np.sort(np.argpartition(-scores, most)[:most])


def _nms(boxes: Floats, groups: Whole, threshold: float) -> Whole:
    """Suppress boxes that overlap a more probable one of their group; which stay, best first."""
    kept: Whole = batched_nms(
        torch.from_numpy(np.ascontiguousarray(boxes[:, :4])),
        torch.from_numpy(np.ascontiguousarray(boxes[:, 4])),
        torch.from_numpy(groups),
        threshold,
    ).numpy()
    return kept


def _squared(boxes: Floats) -> Floats:
    """Grow each box [N, 5] to a square round its centre."""
    size = boxes[:, 2:4] - boxes[:, 0:2]
    side = size.max(axis=1, keepdims=True)
    corner = boxes[:, 0:2] + size * np.float32(0.5) - side * np.float32(0.5)
    return np.concatenate([corner, corner + side, boxes[:, 4:5]], axis=1)


def _regressed(boxes: Floats, offsets: Floats) -> Floats:
    """Move each side of each box [N, 5] by its offset [N, 4], in units of the box's size."""
    size = np.tile(boxes[:, 2:4] - boxes[:, 0:2] + 1, 2)
    return np.concatenate([boxes[:, :4] + offsets * size, boxes[:, 4:5]], axis=1)


def _passing(
    boxes: Floats, scores: Floats, threshold: float, *others: NDArray[Any]
) -> tuple[Floats, list[NDArray[Any]]]:
    """The rows whose new score passes, and the same rows of every other array."""
    passing = scores > np.float32(threshold)
    rescored = np.concatenate([boxes[:, :4], scores[:, None]], axis=1)
    return rescored[passing], [other[passing] for other in others]


def _visible(
    photos: list[AreaResizer], boxes: Floats, owners: Whole
) -> tuple[Floats, Whole, Whole]:
    """The candidates that have pixels in their photo, their owners, and which: spans [N, 4]."""
    sizes = np.array([(photo.width, photo.height) for photo in photos]).reshape(-1, 2)[owners]
    pixels = boxes[:, :4].astype(np.int64)
    spans = np.hstack([np.maximum(pixels[:, :2], 1) - 1, np.minimum(pixels[:, 2:], sizes)])
    inside = (spans[:, 2:] > spans[:, :2]).all(axis=1)
    return boxes[inside], owners[inside], spans[inside]


def _batched(
    engine: Engine, photos: list[AreaResizer], owners: Whole, spans: Whole, size_px: int
) -> list[Floats]:
    """Run a network over all candidates, cut and resized a batch at a time."""
    parts = []
    for at in range(0, len(spans), _BATCH):
        batch = slice(at, at + _BATCH)
        parts.append(engine(_normalised(_patches(photos, owners[batch], spans[batch], size_px))))
    return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]


def _patches(photos: list[AreaResizer], owners: Whole, spans: Whole, size_px: int) -> Floats:
    """[N, 3, size, size] float32, 0-255: each candidate's pixels, resized."""
    patches = np.empty((len(spans), 3, size_px, size_px), dtype=np.float32)
    for i in np.unique(owners):
        patches[owners == i] = photos[i].patches(spans[owners == i], size_px)
    return patches


def _nms_by_smaller(boxes: Floats, owners: Whole, threshold: float) -> list[int]:
    """Suppress boxes that lie mostly inside a more probable one of the same photo.

    The overlap is taken relative to the smaller of the two boxes, in inclusive pixels.
    """
    corner, far, scores = boxes[:, 0:2], boxes[:, 2:4], boxes[:, 4]
    area = np.prod(far - corner + 1, axis=1)
    kept: list[int] = []
    rest = np.argsort(scores)
    while rest.size:
        best, rest = int(rest[-1]), rest[:-1]
        kept.append(best)
        shared = np.minimum(far[best], far[rest]) - np.maximum(corner[best], corner[rest]) + 1
        overlap = np.prod(np.maximum(shared, 0), axis=1) / np.minimum(area[best], area[rest])
        rest = rest[(overlap <= threshold) | (owners[rest] != owners[best])]
    return kept


def _face(row: list[float], landmarks: list[list[float]], back: tuple[float, float]) -> Face:
    x, y = back
    x1, y1, x2, y2, confidence = row
    return Face(
        box=Box(x1 * x, y1 * y, x2 * x, y2 * y),
        landmarks=tuple((px * x, py * y) for px, py in landmarks),
        confidence=confidence,
    )
