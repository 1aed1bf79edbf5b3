"""Operations on arrays of boxes: [N, 5] float32 as x1, y1, x2, y2, score."""

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import batched_nms

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]


def suppress_overlapping(boxes: Floats, groups: Indices, threshold: float) -> Indices:
    """Suppress boxes that overlap a better box of their group; the indices kept, best first."""
    kept: Indices = batched_nms(
        torch.from_numpy(np.ascontiguousarray(boxes[:, :4])),
        torch.from_numpy(np.ascontiguousarray(boxes[:, 4])),
        torch.from_numpy(groups),
        threshold,
    ).numpy()
    return kept


def suppress_contained(boxes: Floats, owners: Indices, threshold: float) -> list[int]:
    """Suppress boxes that lie mostly inside a better box of the same photo.

    The overlap is relative to the smaller of the two boxes, in inclusive pixels.
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


def to_squares(boxes: Floats) -> Floats:
    """Extend each box [N, 5] to a square around its center."""
    size = boxes[:, 2:4] - boxes[:, 0:2]
    side = size.max(axis=1, keepdims=True)
    corner = boxes[:, 0:2] + size * np.float32(0.5) - side * np.float32(0.5)
    return np.concatenate([corner, corner + side, boxes[:, 4:5]], axis=1)


def apply_offsets(boxes: Floats, offsets: Floats) -> Floats:
    """Move each side of each box [N, 5] by its offset [N, 4], in units of the box's size."""
    size = np.tile(boxes[:, 2:4] - boxes[:, 0:2] + 1, 2)
    return np.concatenate([boxes[:, :4] + offsets * size, boxes[:, 4:5]], axis=1)
