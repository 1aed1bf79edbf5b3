"""The photos that the benchmarks send, in memory only: real pairs, or the project's samples."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import combinations, cycle, islice
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image, ImageOps

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
_FACE = (0.5, 0.2)  # where it is in the samples, as fractions of width and height
_LFW = "lfw_view2_folds0-2"


@dataclass(frozen=True)
class Pair:
    """Two encoded photos."""

    image_1: bytes
    image_2: bytes


def pairs_from(data: Path | None, count: int, *, seed: int) -> tuple[str, list[Pair]]:
    """Pairs to compare, and what they are.

    Args:
        data: the folder that holds lfw_view2_folds0-2_images.parquet and _pairs.parquet; without
            it, or where it lacks them, the sample photos are paired.
        count: how many; the samples repeat where there are fewer pairs of them.
        seed: of the choice among the LFW pairs.
    """
    if data is None or not (data / f"{_LFW}_pairs.parquet").is_file():
        every = [Pair(*two) for two in combinations(sample_photos(), 2)]
        return f"sample photos ({len(every)} pairs)", list(islice(cycle(every), count))
    return "LFW pairs", _lfw_pairs(data, count, seed)


def sample_photos() -> list[bytes]:
    """The photos that the project ships, encoded as they are."""
    return [path.read_bytes() for path in sorted(SAMPLES.iterdir()) if path.suffix != ".md"]


def resized_photos(count: int, *, min_side_px: int, max_side_px: int, seed: int) -> list[bytes]:
    """The sample photos as JPEG in as many different sizes and aspect ratios as are asked for.

    Sides are log-uniform, so that small photos come up as often as large ones, and neither is more
    than twice the other; what a format cuts off is mostly below the face.
    """
    draw = random.Random(seed)
    originals = cycle([Image.open(BytesIO(photo)).convert("RGB") for photo in sample_photos()])
    sizes = islice(_different_sizes(draw, min_side_px, max_side_px), count)
    return [_jpeg(ImageOps.fit(next(originals), size, centering=_FACE)) for size in sizes]


def _lfw_pairs(data: Path, count: int, seed: int) -> list[Pair]:
    rows = pq.read_table(data / f"{_LFW}_pairs.parquet", columns=["a", "b"]).to_pylist()
    chosen = random.Random(seed).sample(rows, min(count, len(rows)))
    images = pq.read_table(data / f"{_LFW}_images.parquet", columns=["file", "image"])
    photos = dict(zip(images["file"].to_pylist(), images["image"].to_pylist(), strict=True))
    return [Pair(photos[row["a"]], photos[row["b"]]) for row in chosen]


def _different_sizes(draw: random.Random, low: int, high: int) -> Iterator[tuple[int, int]]:
    seen = set()
    while True:
        width, height = (round(low * (high / low) ** draw.random()) for _ in range(2))
        if (width, height) not in seen and max(width, height) <= 2 * min(width, height):
            seen.add((width, height))
            yield width, height


def _jpeg(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
