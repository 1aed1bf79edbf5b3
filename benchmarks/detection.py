"""Recall, precision and CPU time of the detectors of bundles on photos of WIDER FACE.

    python -m benchmarks.detection --data DIR [--bundles bundled yunet]

DIR holds wider_val_120.parquet (columns: file, boxes_xywh, invalid, image), a sample of the
validation photos. The boxes of a photo, the most confident first, are matched one to one with the
annotated faces that they overlap most. Boxes of less than 20 pixels and boxes on faces that are
annotated as invalid count neither as right nor as wrong. Each detector runs on one thread with the
settings of its card.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.equivalence import iou
from benchmarks.table import table
from faceage_core.detection.registry import load_detector
from faceage_core.images import decode
from faceage_core.inference.runtime import Runtime
from faceage_core.models.bundles import resolve
from faceage_core.models.options import DEFAULT_BUNDLE, ModelOptions
from faceage_core.types import Box, Face

MIN_IOU = 0.4  # the annotated boxes are tighter than those of some detectors
MIN_FACE_PX = 20  # the smallest annotated face
HEIGHTS_PX = ((20, 32), (32, 64), (64, None), (24, None))


@dataclass(frozen=True)
class Matches:
    """What a detector found.

    Attributes:
        found_px: the heights of the annotated faces that were found.
        missed_px: the heights of those that were not.
        wrong: the number of boxes on no annotated face.
    """

    found_px: tuple[float, ...]
    missed_px: tuple[float, ...]
    wrong: int

    @property
    def precision(self) -> float:
        return len(self.found_px) / max(1, len(self.found_px) + self.wrong)

    def recall(self, low_px: float, high_px: float | None) -> tuple[float, int]:
        """The share of the faces of these heights that were found, and the number of faces."""
        found, missed = (
            sum(px >= low_px and (high_px is None or px < high_px) for px in heights)
            for heights in (self.found_px, self.missed_px)
        )
        return found / max(1, found + missed), found + missed


def main(argv: Sequence[str] | None = None) -> int:
    """Print one row for each bundle."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the Parquet file")
    parser.add_argument("--bundles", nargs="+", default=[DEFAULT_BUNDLE, "yunet"])
    args = parser.parse_args(argv)
    rows = pq.read_table(args.data / "wider_val_120.parquet").to_pylist()
    cards = [resolve(ModelOptions(bundle=name)).detector for name in args.bundles]
    detectors = [load_detector(card, runtime=Runtime(threads=1)) for card in cards]
    seconds = np.zeros(len(detectors))
    matches: list[list[Matches]] = [[] for _ in detectors]
    for row in rows:
        photo = decode(row["image"])
        for i, detector in enumerate(detectors):
            start = time.process_time()
            (faces,) = detector.detect([photo])
            seconds[i] += time.process_time() - start
            matches[i].append(match(faces, row))
    heights = [f"{low}+ px" if high is None else f"{low}-{high} px" for low, high in HEIGHTS_PX]
    lines = [
        [card.name, *_cells(_joined(of_photos)), f"{1e3 * spent / len(rows):.0f}"]
        for card, of_photos, spent in zip(cards, matches, seconds, strict=True)
    ]
    print(table(["detector", "precision", *heights, "CPU ms per photo"], lines))
    return 0


def match(faces: Sequence[Face], row: dict[str, Any]) -> Matches:
    """Compare the faces found in a photo with its annotations."""
    annotated = [Box(x, y, x + width, y + height) for x, y, width, height in row["boxes_xywh"]]
    found: set[int] = set()
    wrong = 0
    for face in sorted(faces, key=lambda face: -face.confidence):
        overlaps = [iou(face.box, box) for box in annotated]
        free = {i: overlaps[i] for i in range(len(annotated)) if i not in found}
        best = max(free, key=free.__getitem__, default=None)
        if best is not None and free[best] >= MIN_IOU:
            found.add(best)
        elif face.box.height >= MIN_FACE_PX:
            wrong += 1
    valid = [i for i, invalid in enumerate(row["invalid"]) if not invalid]
    return Matches(
        tuple(annotated[i].height for i in valid if i in found),
        tuple(annotated[i].height for i in valid if i not in found),
        wrong,
    )


def _joined(matches: Sequence[Matches]) -> Matches:
    return Matches(
        tuple(px for one in matches for px in one.found_px),
        tuple(px for one in matches for px in one.missed_px),
        sum(one.wrong for one in matches),
    )


def _cells(matches: Matches) -> list[str]:
    recalls = [matches.recall(low, high) for low, high in HEIGHTS_PX]
    return [f"{matches.precision:.3f}", *(f"{share:.3f} (n={n})" for share, n in recalls)]


if __name__ == "__main__":
    raise SystemExit(main())
