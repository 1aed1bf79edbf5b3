"""Speed and recall of the face detectors, compared with facenet-pytorch's MTCNN.

    python -m benchmarks.detection --data DIR

The first table shows milliseconds of CPU time for each photo, on one thread, from the encoded photo
to its faces; the variants take turns, and the ratio is to facenet-pytorch in the same run. Photos
are a sample, cropped to the sizes in the table.

The second table needs DIR with wider_val_120.parquet, 120 photos of WIDER FACE's validation split.
It shows the share of annotated faces that are found (intersection over union at least 0.5), by
height in pixels, at the least confidence at which 95 % of the detector's faces are annotated ones.
Faces below 24 pixels count neither as found nor as wrong in the column "24 px and more".
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow.parquet as pq
import torch
from facenet_pytorch import MTCNN
from numpy.typing import NDArray
from PIL import Image

from benchmarks.photos import sized_photo
from benchmarks.table import table
from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.model_card import DetectorCard
from faceage_core.detection.registry import load_detector
from faceage_core.detection.settings import MtcnnSettings
from faceage_core.images import decode

SIZES = ((400, 400), (600, 800), (1100, 825), (1414, 1264), (1449, 2173), (3061, 4600))
HEIGHTS_PX = ((24, None), (20, 32), (32, 64), (64, None))
MIN_IOU = 0.5
PRECISION = 0.95
BASELINE = "facenet-pytorch"

# Encoded photo to faces: [N, 5] x1, y1, x2, y2, confidence.
Search = Callable[[bytes], NDArray[np.float64]]


@dataclass(frozen=True)
class Annotated:
    """A photo with annotated faces.

    Attributes:
        photo: the encoded photo.
        boxes: [N, 4] x1, y1, x2, y2 in pixels.
    """

    photo: bytes
    boxes: NDArray[np.float64]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print both tables."""
    args = _parser().parse_args(argv)
    torch.set_num_threads(1)
    variants = searches()
    print(table(*speed_table(variants, SIZES, rounds=args.rounds)), flush=True)
    if args.data is None:
        print("\nno recall: --data is not given")
        return 0
    photos = read_wider(args.data)
    print(f"\n{len(photos)} photos of WIDER FACE, {sum(len(p.boxes) for p in photos)} faces")
    print(table(*recall_table(variants, photos)))
    return 0


def searches() -> dict[str, Search]:
    """The detectors by name, the baseline first."""
    theirs = MTCNN(keep_all=True)

    def facenet_pytorch(photo: bytes) -> NDArray[np.float64]:
        boxes, scores = theirs.detect(Image.open(BytesIO(photo)).convert("RGB"))
        return np.zeros((0, 5)) if boxes is None else np.column_stack([boxes, scores])

    card = shipped_card("mtcnn", DetectorCard)
    exact = card.model_copy(update={"settings": MtcnnSettings().model_dump(mode="json")})
    # Every face, whatever its confidence: the recall is measured at many confidences.
    every = card.model_copy(update={"settings": {**card.settings, "confident": 0.0}})
    return {
        BASELINE: facenet_pytorch,
        "mtcnn, its settings": _search(exact),
        "mtcnn": _search(every),
        "yunet": _search(shipped_card("yunet", DetectorCard)),
    }


def _search(card: DetectorCard) -> Search:
    detector = load_detector(card)

    def search(photo: bytes) -> NDArray[np.float64]:
        (faces,) = detector.detect([decode(photo)])
        rows = [(f.box.x1, f.box.y1, f.box.x2, f.box.y2, f.confidence) for f in faces]
        return np.array(rows).reshape(-1, 5)

    return search


def speed_table(
    variants: dict[str, Search], sizes: Sequence[tuple[int, int]], *, rounds: int
) -> tuple[list[str], list[list[str]]]:
    """Header and rows: for each size the milliseconds of each variant, and the ratio."""
    header = ["photo", *(text for name in variants for text in (f"{name}, ms", "ratio"))]
    del header[2]  # the baseline's ratio
    rows = []
    for width, height in sizes:
        photo = sized_photo(width, height)
        times: dict[str, list[float]] = {name: [] for name in variants}
        for search in variants.values():
            search(photo)
        for _ in range(rounds):
            for name, search in variants.items():
                times[name].append(_cpu_ms(search, photo))
        medians = {name: median(values) for name, values in times.items()}
        base = medians.pop(BASELINE)
        row = [f"{width} x {height}", f"{base:.0f}"]
        for value in medians.values():
            row += [f"{value:.0f}", f"{base / value:.2f}"]
        rows.append(row)
    return header, rows


def _cpu_ms(search: Search, photo: bytes) -> float:
    start = time.process_time()
    search(photo)
    return 1000 * (time.process_time() - start)


def read_wider(data: Path) -> list[Annotated]:
    """The photos of wider_val_120.parquet, without their faces that are marked as invalid."""
    columns = ["image", "boxes_xywh", "invalid"]
    rows = pq.read_table(data / "wider_val_120.parquet", columns=columns).to_pylist()
    return [Annotated(row["image"], _valid_boxes(row)) for row in rows]


def _valid_boxes(row: dict[str, list[float]]) -> NDArray[np.float64]:
    boxes = np.array(row["boxes_xywh"], dtype=np.float64).reshape(-1, 4)
    boxes = boxes[~np.array(row["invalid"], dtype=bool)]
    return np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])


def recall_table(
    variants: dict[str, Search], photos: Sequence[Annotated]
) -> tuple[list[str], list[list[str]]]:
    """Header and rows: for each variant its recall by the height of a face."""
    found = {name: [search(one.photo) for one in photos] for name, search in variants.items()}
    header = ["", "precision", *(_range(heights) for heights in HEIGHTS_PX)]
    rows = []
    for name, boxes in found.items():
        least = _least_confidence(boxes, photos)
        reached, _ = _precision_and_recall(boxes, photos, (0, None), least)
        recalls = [
            _precision_and_recall(boxes, photos, heights, least)[1] for heights in HEIGHTS_PX
        ]
        rows.append([name, f"{reached:.3f}", *(f"{recall:.3f}" for recall in recalls)])
    return header, rows


def _range(heights: tuple[int, int | None]) -> str:
    low, high = heights
    return f"{low} px and more" if high is None else f"{low}-{high} px"


def _least_confidence(found: list[NDArray[np.float64]], photos: Sequence[Annotated]) -> float:
    """The least confidence at which `PRECISION` is reached; the greatest if at none."""
    values = np.unique(np.concatenate([boxes[:, 4] for boxes in found]))
    reached = (
        float(value)
        for value in values
        if _precision_and_recall(found, photos, (0, None), float(value))[0] >= PRECISION
    )
    return next(reached, float(values[-1]))


def _precision_and_recall(
    found: Sequence[NDArray[np.float64]],
    photos: Sequence[Annotated],
    heights: tuple[int, int | None],
    min_confidence: float,
) -> tuple[float, float]:
    """Of the faces of a range of heights; each annotated face counts once.

    A face that matches an annotated one of another height is left out.
    """
    right, wrong, expected = 0, 0, 0
    low, high = heights
    for boxes, photo in zip(found, photos, strict=True):
        tall = photo.boxes[:, 3] - photo.boxes[:, 1]
        counted = (tall >= low) & (tall < (np.inf if high is None else high))
        expected += int(counted.sum())
        free = np.ones(len(photo.boxes), dtype=bool)
        certain = boxes[boxes[:, 4] >= min_confidence]
        for box in certain[np.argsort(-certain[:, 4], kind="stable")]:
            overlap = _iou(box, photo.boxes) * free
            if len(overlap) == 0 or overlap.max() < MIN_IOU:
                wrong += 1
                continue
            best = int(overlap.argmax())
            free[best] = False
            right += int(counted[best])
    return right / max(1, right + wrong), right / max(1, expected)


def _iou(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    size = np.minimum(box[2:4], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.prod(np.maximum(size, 0), axis=1)
    areas = np.prod(others[:, 2:] - others[:, :2], axis=1)
    ratio: NDArray[np.float64] = shared / (np.prod(box[2:4] - box[:2]) + areas - shared)
    return ratio


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with wider_val_120.parquet")
    parser.add_argument("--rounds", type=int, default=3, help="of each variant (default 3)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
