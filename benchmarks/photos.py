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
_SEARCHED = (640, 640)  # far below the size from which on the service shrinks photos by itself
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
            it the sample photos are paired, at up to 640 pixels.
        count: how many; the samples repeat where there are fewer pairs of them.
        seed: of the choice among the LFW pairs.

    Raises:
        FileNotFoundError: the folder lacks them.
    """
    if data is None:
        photos = [_jpeg(ImageOps.contain(photo, _SEARCHED)) for photo in _samples()]
        every = [Pair(*two) for two in combinations(photos, 2)]
        return "pairs of sample photos", list(islice(cycle(every), count))
    return "LFW pairs", _lfw_pairs(data, count, seed)


def resized_photos(count: int, *, min_side_px: int, max_side_px: int, seed: int) -> list[bytes]:
    """The sample photos as JPEG in as many different sizes and aspect ratios as are asked for.

    Sides are log-uniform, so that small photos come up as often as large ones, and neither is more
    than twice the other; what a format cuts off is mostly below the face.
    """
    draw = random.Random(seed)
    originals = cycle(_samples())
    sizes = islice(_different_sizes(draw, min_side_px, max_side_px), count)
    return [_jpeg(ImageOps.fit(next(originals), size, centering=_FACE)) for size in sizes]


def _samples() -> list[Image.Image]:
    paths = sorted(path for path in SAMPLES.iterdir() if path.suffix != ".md")
    return [Image.open(path).convert("RGB") for path in paths]


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
