"""Operations on arrays of boxes: [N, 5] float32 as x1, y1, x2, y2, score."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]


def suppress_overlapping(boxes: Floats, groups: Indices, threshold: float) -> Indices:
    """Suppress boxes that overlap a better box of their group.

    Greedy non-maximum suppression: a box is kept if no better box that is kept overlaps it by more
    than the threshold, as intersection over union.

    Args:
        boxes: [N, 4 or more] x1, y1, x2, y2, score, ...; x1 <= x2 and y1 <= y2.
        groups: [N] integers >= 0; boxes of different groups do not suppress each other.
        threshold: from 0 to 1.

    Returns:
        The indices of the kept boxes, the highest score first.
    """
    order = np.argsort(-boxes[:, 4], kind="stable")
    corners = boxes[order, :4]
    better, worse = _overlapping_pairs(corners, groups[order], np.float32(threshold))
    kept = np.ones(len(order), dtype=bool)
    while True:  # each pass decides at least the best undecided box
        now = np.ones_like(kept)
        now[worse[kept[better]]] = False
        if (now == kept).all():
            return order[kept]
        kept = now


def _overlapping_pairs(
    corners: Floats, groups: Indices, threshold: np.float32
) -> tuple[Indices, Indices]:
    """The pairs of a group with a larger intersection over union, the smaller index first.

    Only boxes whose extents along x overlap are compared: those are neighbours in the order of x1.
    """
    if len(corners) == 0:
        return groups, groups
    x1, x2 = corners[:, 0].astype(np.float64), corners[:, 2].astype(np.float64)
    apart = groups * (x2.max() - x1.min() + 1)  # puts the groups side by side
    by_x = np.argsort(x1 + apart)
    ends = np.searchsorted((x1 + apart)[by_x], (x2 + apart)[by_x])
    counts = np.maximum(ends - np.arange(len(ends)) - 1, 0)
    first = np.repeat(np.arange(len(ends)), counts)
    second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    one, other = by_x[first], by_x[second]
    touching = (corners[one, 1] < corners[other, 3]) & (corners[other, 1] < corners[one, 3])
    one, other = one[touching], other[touching]
    near = _intersection_over_union(corners[one], corners[other]) > threshold
    one, other = one[near], other[near]
    return np.minimum(one, other), np.maximum(one, other)


def _intersection_over_union(one: Floats, other: Floats) -> Floats:
    """[N] of the boxes in the same row of two arrays."""
    size = np.minimum(one[:, 2:4], other[:, 2:4]) - np.maximum(one[:, :2], other[:, :2])
    shared = np.prod(np.maximum(size, 0), axis=1)
    areas = [np.prod(boxes[:, 2:4] - boxes[:, :2], axis=1) for boxes in (one, other)]
    ratio: Floats = shared / (areas[0] + areas[1] - shared)
    return ratio


def suppress_contained(boxes: Floats, threshold: float) -> list[int]:
    """Suppress boxes that lie mostly inside a better box.

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
        rest = rest[overlap <= threshold]
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
