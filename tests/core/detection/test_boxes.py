"""Operations on boxes; non-maximum suppression against torchvision's."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torchvision.ops import batched_nms

from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.model_card import DetectorCard
from faceage_core.detection import mtcnn
from faceage_core.detection.boxes import (
    Floats,
    Indices,
    apply_offsets,
    suppress_contained,
    suppress_overlapping,
    to_squares,
)
from faceage_core.detection.registry import load_detector


def random_boxes(count: int, seed: int) -> tuple[Floats, Indices]:
    """Boxes in clusters, each with a score of its own, in five groups."""
    rng = np.random.default_rng(seed)
    centers = rng.uniform(0, 300, (max(count // 8, 1), 2))[
        rng.integers(0, max(count // 8, 1), count)
    ]
    corner = centers + rng.normal(0, 6, (count, 2))
    size = rng.uniform(5, 60, (count, 2))
    scores = rng.permutation(count)[:, None] / max(count, 1)
    boxes = np.concatenate([corner, corner + size, scores], axis=1).astype(np.float32)
    return boxes, rng.integers(0, 5, count)


def by_torchvision(boxes: Floats, groups: Indices, threshold: float) -> list[int]:
    parts = (torch.from_numpy(np.ascontiguousarray(part)) for part in (boxes[:, :4], boxes[:, 4]))
    kept: list[int] = batched_nms(*parts, torch.from_numpy(groups), threshold).tolist()
    return kept


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("count", [0, 1, 2, 40, 3000])
def test_random_boxes_as_torchvision(count: int, threshold: float) -> None:
    boxes, groups = random_boxes(count, seed=count)
    kept = suppress_overlapping(boxes, groups, threshold).tolist()
    assert kept == by_torchvision(boxes, groups, threshold)
    if count == 3000:
        assert 0 < len(kept) < count


@pytest.mark.data
def test_real_candidates_as_torchvision(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pq.read_table(data_dir / "wider_val_120.parquet", columns=["image"])["image"]
    photos = [np.array(Image.open(BytesIO(row)).convert("RGB")) for row in rows.to_pylist()[::12]]
    sizes = []

    def check(boxes: Floats, groups: Indices, threshold: float) -> Indices:
        kept = suppress_overlapping(boxes, groups, threshold)
        # Boxes of equal score may be in another order.
        assert set(kept.tolist()) == set(by_torchvision(boxes, groups, threshold))
        assert (np.diff(boxes[kept, 4]) <= 0).all()
        sizes.append(len(boxes))
        return kept

    monkeypatch.setattr(mtcnn, "suppress_overlapping", check)
    load_detector(shipped_card("mtcnn", DetectorCard)).detect(photos)
    assert max(sizes) > 500


def test_equal_boxes_keep_the_first() -> None:
    boxes = np.tile(np.array([[0, 0, 10, 10, 0.5]], np.float32), (4, 1))
    groups = np.array([0, 0, 1, 1])
    assert suppress_overlapping(boxes, groups, 0.5).tolist() == [0, 2]


def test_a_suppressed_box_suppresses_nothing() -> None:
    # Neighbours overlap by 2/3, the outer ones by 1/3: the middle one goes and the last one stays.
    boxes = np.array([[0, 0, 10, 1, 0.9], [2, 0, 12, 1, 0.8], [4, 0, 14, 1, 0.7]], np.float32)
    assert suppress_overlapping(boxes, np.zeros(3, np.int64), 0.5).tolist() == [0, 2]


def test_boxes_that_only_touch_and_boxes_without_an_area() -> None:
    boxes = np.array(
        [[0, 0, 5, 5, 0.9], [5, 0, 9, 5, 0.8], [3, 3, 3, 3, 0.7], [0, 5, 5, 9, 0.6]], np.float32
    )
    assert suppress_overlapping(boxes, np.zeros(4, np.int64), 0.0).tolist() == [0, 1, 2, 3]


def test_suppress_contained_uses_the_smaller_box() -> None:
    boxes = np.array([[0, 0, 99, 99, 0.9], [10, 10, 19, 19, 0.8]], np.float32)
    assert suppress_contained(boxes, 0.7) == [0]
    assert suppress_contained(boxes, 1.0) == [0, 1]


def test_squares_and_offsets() -> None:
    boxes = np.array([[0, 10, 20, 50, 0.5]], np.float32)
    assert to_squares(boxes).tolist() == [[-10, 10, 30, 50, 0.5]]
    offsets = np.array([[0.1, 0, -0.1, 1]], np.float32)
    (moved,) = apply_offsets(np.array([[0, 0, 9, 19, 0.5]], np.float32), offsets)
    assert moved.tolist() == pytest.approx([1, 0, 8, 39, 0.5])
