"""MTCNN: all faces of a photo, each with a box, five landmarks and a probability.

Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional Networks",
2016, on the three networks and weights that facenet-pytorch ships. The cascade follows
facenet-pytorch's arithmetic step by step, so that both give the same boxes; what differs is that
photos of any sizes share the batches of the second and third network, that a photo too small for
the pyramid or without a face is an empty result, and that very large photos are searched at a
bounded size.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from numpy.typing import NDArray
from PIL import Image
from torch.nn.functional import interpolate
from torchvision.ops import batched_nms

from faceage_core.detection.settings import DetectionSettings
from faceage_core.engines import Engine, engine_for_module
from faceage_core.types import Box, Face

_CELL_PX = 12  # the field of view of the first network
_STRIDE_PX = 2


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
        self._threads = threads
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
        with _torch_threads(self._threads):
            searched = [_shrink(image, self._settings.max_side_px) for image in images]
            photos = [_to_tensor(photo) for photo, _ in searched]
            boxes, owners = self._propose(photos)
            boxes, owners = self._refined(photos, boxes, owners)
            boxes, owners, points = self._located(photos, boxes, owners)
        faces: list[list[Face]] = [[] for _ in images]
        for row, owner, landmarks in zip(
            boxes.tolist(), owners.tolist(), points.tolist(), strict=True
        ):
            faces[owner].append(_face(row, landmarks, searched[owner][1]))
        return [self._kept(found) for found in faces]

    def _kept(self, faces: list[Face]) -> list[Face]:
        """The confident faces, or all where there is none: a doubtful face beats no answer."""
        confident = [face for face in faces if face.confidence >= self._settings.confident]
        return sorted(confident or faces, key=lambda face: -face.box.area)

    def _propose(self, photos: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """First stage: square candidates [N, 5] (x1, y1, x2, y2, score), owners [N]."""
        found = [self._propose_one(photo) for photo in photos]
        owners = torch.cat(
            [torch.full((len(boxes),), i, dtype=torch.int64) for i, boxes in enumerate(found)]
            or [torch.zeros(0, dtype=torch.int64)]
        )
        return torch.cat(found or [torch.zeros(0, 5)]), owners

    def _propose_one(self, photo: torch.Tensor) -> torch.Tensor:
        height, width = photo.shape[2:]
        levels = []
        for scale in _pyramid(height, width, self._settings):
            level = interpolate(
                photo, (int(height * scale + 1), int(width * scale + 1)), mode="area"
            )
            offsets, scores = self._proposal(_normalise(level).numpy())
            candidates = _candidates(offsets, scores[:, 1], scale, self._settings.thresholds[0])
            levels.append(candidates[_nms(candidates, 0.5)])
        if not levels:
            return torch.zeros(0, 5)
        boxes = torch.cat(levels)
        boxes = boxes[_nms(boxes, 0.7)]
        size = (boxes[:, 2:4] - boxes[:, 0:2]).repeat(1, 2)
        return _squared(torch.cat([boxes[:, :4] + boxes[:, 5:9] * size, boxes[:, 4:5]], dim=1))

    def _refined(
        self, photos: list[torch.Tensor], boxes: torch.Tensor, owners: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Second stage: fewer and better squares."""
        boxes, owners, patches = _patches(photos, boxes, owners, 24)
        if len(boxes) == 0:
            return boxes, owners
        offsets, scores = _batched(self._refine, patches)
        boxes, (owners, offsets) = _passing(
            boxes, scores[:, 1], self._settings.thresholds[1], owners, offsets
        )
        keep = batched_nms(boxes[:, :4], boxes[:, 4], owners, 0.7)
        boxes, owners, offsets = boxes[keep], owners[keep], offsets[keep]
        return _squared(_regressed(boxes, offsets)), owners

    def _located(
        self, photos: list[torch.Tensor], boxes: torch.Tensor, owners: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Third stage: final boxes [N, 5], owners [N], landmarks [N, 5, 2]."""
        boxes, owners, patches = _patches(photos, boxes, owners, 48)
        if len(boxes) == 0:
            return boxes, owners, torch.zeros(0, 5, 2)
        offsets, points, scores = _batched(self._output, patches)
        boxes, (owners, offsets, points) = _passing(
            boxes, scores[:, 1], self._settings.thresholds[2], owners, offsets, points
        )
        size = boxes[:, 2:4] - boxes[:, 0:2] + 1
        landmarks = torch.stack([points[:, :5], points[:, 5:]], dim=2)
        landmarks = landmarks * size[:, None, :] + boxes[:, None, 0:2] - 1
        boxes = _regressed(boxes, offsets)
        keep = _nms_by_smaller(boxes.numpy(), owners.numpy(), 0.7)
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


@contextmanager
def _torch_threads(count: int) -> Iterator[None]:
    """Hold PyTorch's own operations to so many threads, here and for this while.

    A photo takes hundreds of resizes of a few pixels. To start and join several threads for each
    costs more than the work: on a busy machine ten times as much.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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


def _to_tensor(image: NDArray[np.uint8]) -> torch.Tensor:
    """[H, W, 3] uint8 to [1, 3, H, W] float32, still 0-255."""
    planes = np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)
    return torch.from_numpy(planes)[None]


def _normalise(pixels: torch.Tensor) -> torch.Tensor:
    return (pixels - 127.5) * 0.0078125


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


def _candidates(
    offsets: NDArray[np.float32], scores: NDArray[np.float32], scale: float, threshold: float
) -> torch.Tensor:
    """The cells that pass: [N, 9] float32 as x1, y1, x2, y2, score, four offsets."""
    passing = torch.from_numpy(scores[0]) >= threshold
    cells = passing.nonzero().flip(1).to(torch.float32)
    return torch.cat(
        [
            ((_STRIDE_PX * cells + 1) / scale).floor(),
            ((_STRIDE_PX * cells + _CELL_PX) / scale).floor(),
            torch.from_numpy(scores[0])[passing][:, None],
            torch.from_numpy(offsets[0])[:, passing].T,
        ],
        dim=1,
    )


def _nms(boxes: torch.Tensor, threshold: float) -> torch.Tensor:
    same_photo = torch.zeros(len(boxes), dtype=torch.int64)
    kept: torch.Tensor = batched_nms(boxes[:, :4], boxes[:, 4], same_photo, threshold)
    return kept


def _squared(boxes: torch.Tensor) -> torch.Tensor:
    """Grow each box [N, 5] to a square round its centre."""
    size = boxes[:, 2:4] - boxes[:, 0:2]
    side = size.amax(dim=1, keepdim=True)
    corner = boxes[:, 0:2] + size * 0.5 - side * 0.5
    return torch.cat([corner, corner + side, boxes[:, 4:5]], dim=1)


def _regressed(boxes: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """Move each side of each box [N, 5] by its offset [N, 4], in units of the box's size."""
    size = (boxes[:, 2:4] - boxes[:, 0:2] + 1).repeat(1, 2)
    return torch.cat([boxes[:, :4] + offsets * size, boxes[:, 4:5]], dim=1)


def _passing(
    boxes: torch.Tensor, scores: torch.Tensor, threshold: float, *others: torch.Tensor
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """The rows whose new score passes, and the same rows of every other tensor."""
    passing = scores > threshold
    rescored = torch.cat([boxes[:, :4], scores[:, None]], dim=1)
    return rescored[passing], [other[passing] for other in others]


def _patches(
    photos: list[torch.Tensor], boxes: torch.Tensor, owners: torch.Tensor, size_px: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cut and resize each candidate: the boxes kept, their owners, [N, 3, size, size] patches.

    A candidate that lies wholly outside its photo has no pixels and is dropped.
    """
    kept, patches = [], []
    for i, ((x1, y1, x2, y2), owner) in enumerate(
        zip(boxes[:, :4].trunc().int().tolist(), owners.tolist(), strict=True)
    ):
        photo = photos[owner]
        height, width = photo.shape[2:]
        left, top, right, bottom = max(x1, 1) - 1, max(y1, 1) - 1, min(x2, width), min(y2, height)
        if right > left and bottom > top:
            kept.append(i)
            cut = photo[:, :, top:bottom, left:right]
            patches.append(interpolate(cut, (size_px, size_px), mode="area"))
    stacked = torch.cat(patches) if patches else torch.zeros(0, 3, size_px, size_px)
    return boxes[kept], owners[kept], _normalise(stacked)


def _batched(engine: Engine, patches: torch.Tensor, batch: int = 512) -> list[torch.Tensor]:
    """Run a network over all patches in batches of bounded memory."""
    parts = [engine(chunk.numpy()) for chunk in torch.split(patches, batch)]
    return [torch.from_numpy(np.concatenate(outputs)) for outputs in zip(*parts, strict=True)]


def _nms_by_smaller(
    boxes: NDArray[np.float32], owners: NDArray[np.int64], threshold: float
) -> list[int]:
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
