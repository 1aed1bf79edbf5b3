"""Input photos of the benchmarks, in memory: LFW pairs, or the sample photos of the project."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import combinations, cycle, islice
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image, ImageOps

SAMPLES = Path(__file__).resolve().parent.parent / "samples"
_MAX_SAMPLE_SIZE = (640, 640)  # far below the size above which the service scales photos down
_FACE = (0.5, 0.2)  # its position in the samples, as fractions of width and height
_LFW = "lfw_view2_folds0-2"


@dataclass(frozen=True)
class Pair:
    """Two encoded photos."""

    image_1: bytes
    image_2: bytes


def load_pairs(data: Path | None, count: int, *, seed: int) -> tuple[str, list[Pair]]:
    """Load pairs of photos; returns a description of them, and the pairs.

    Args:
        data: the folder with lfw_view2_folds0-2_images.parquet and _pairs.parquet. Without it,
            the pairs are all combinations of the sample photos, at up to 640 pixels.
        count: the number of pairs; pairs of samples are repeated if there are too few.
        seed: of the random choice of LFW pairs.

    Raises:
        FileNotFoundError: the folder lacks one of the files.
    """
    if data is None:
        photos = [_jpeg(ImageOps.contain(photo, _MAX_SAMPLE_SIZE)) for photo in _samples()]
        pairs = [Pair(*two) for two in combinations(photos, 2)]
        return "pairs of sample photos", list(islice(cycle(pairs), count))
    return "LFW pairs", _lfw_pairs(data, count, seed)


def resized_photos(count: int, *, min_side_px: int, max_side_px: int, seed: int) -> list[bytes]:
    """The sample photos as JPEG in `count` different sizes and aspect ratios.

    The sides are log-uniform, so that small photos are as frequent as large ones, and one side is
    at most twice the other. The photos are cropped to the size; the crop keeps the face.
    """
    draw = random.Random(seed)
    originals = cycle(_samples())
    sizes = islice(_different_sizes(draw, min_side_px, max_side_px), count)
    return [_jpeg(ImageOps.fit(next(originals), size, centering=_FACE)) for size in sizes]


def sized_photo(width: int, height: int) -> bytes:
    """The first sample photo as JPEG of this size; it is cropped, and the crop keeps the face."""
    return _jpeg(ImageOps.fit(_samples()[0], (width, height), centering=_FACE))


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
    seen: set[tuple[int, int]] = set()
    while True:
        width, height = (round(low * (high / low) ** draw.random()) for _ in range(2))
        if (width, height) not in seen and max(width, height) <= 2 * min(width, height):
            seen.add((width, height))
            yield width, height


def _jpeg(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
