"""The speed of loading images from a prepared data set, of decoding and of augmentation.

    python -m benchmarks.loading --data faces.parquet

`--data` is a prepared data set, or any Parquet file with a column `image`, whose images are resized
to 160 px first. The baseline is torchvision's own transforms in one process on one thread. Rounds
of all variants alternate, so that other programs affect all of them alike. Processor time hardly
depends on other programs; it includes the loader's processes.
"""

import argparse
import io
import os
import resource
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq
import torch
from PIL import Image
from torch.utils.data import DataLoader, Subset
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import v2

from benchmarks.data_set import write_data_set
from benchmarks.table import table
from faceage_core.data.layout import find_layout
from faceage_core.data.training.arrow_cache import cached_split, map_split
from faceage_core.data.training.dataset import FaceDataset
from faceage_core.images import decode

SIZE_PX = 160
BATCH = 64
BASELINE = "decode + standard by torchvision's own transforms"
Variant = Callable[[], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    args = _parser().parse_args(argv)
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        source = args.data if args.data.is_dir() else prepare(args.data, Path(folder), args.count)
        split = args.split or next(iter(find_layout(source).splits))
        variants = _variants(source, split, Path(folder) / "cache", args.count)
        figures = _measure(variants, args.count, args.rounds)
    base_wall, base_cpu = figures[BASELINE]
    rows = [
        (name, f"{wall:,.0f}", f"{wall / base_wall:.2f}", f"{cpu:,.0f}", f"{cpu / base_cpu:.2f}")
        for name, (wall, cpu) in figures.items()
    ]
    print(f"{args.count} images a round, median of {args.rounds}, {os.cpu_count()} cores")
    print(table(("", "images/s", "ratio", "images/processor second", "ratio"), rows))
    return 0


def _measure(
    variants: dict[str, Variant], count: int, rounds: int
) -> dict[str, tuple[float, float]]:
    """For each variant, images per second and images per second of processor time."""
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, run in variants.items():
            wall, cpu = time.perf_counter(), _processor_time_s()
            run()
            wall, cpu = time.perf_counter() - wall, _processor_time_s() - cpu
            rates[name].append((count / wall, count / cpu))
    return {
        name: (statistics.median(w for w, _ in values), statistics.median(c for _, c in values))
        for name, values in rates.items()
    }


def _variants(source: Path, split: str, cache: Path, count: int) -> dict[str, Variant]:
    column = map_split(cached_split(find_layout(source), split, cache))["image"]
    images = column.slice(0, count).to_pylist()
    if len(images) < count:
        raise SystemExit(f"error: {split} has {len(images)} images, --count asks for {count}")

    def dataset(augmentation: str) -> FaceDataset:
        return FaceDataset(source, split, augmentation=augmentation, size_px=SIZE_PX, cache=cache)

    plain, standard = dataset("none"), dataset("standard")
    standard_by_torchvision = _torchvision_standard()

    def run_baseline() -> None:
        for image in images:
            standard_by_torchvision(torch.from_numpy(decode(image)).permute(2, 0, 1))

    return {
        BASELINE: run_baseline,
        "decode": lambda: _each(images, decode),
        "decode by torchvision (deprecated there)": lambda: _each(images, _torchvision_decode),
        "data set, one process: decode": lambda: _each(range(count), plain.__getitem__),
        "data set, one process: decode + standard": lambda: _each(
            range(count), standard.__getitem__
        ),
        "loader, two processes: decode": lambda: _drain(plain, count),
        "loader, two processes: decode + standard": lambda: _drain(standard, count),
    }


def _each(items: Sequence[Any], function: Callable[[Any], object]) -> None:
    for item in items:
        function(item)


def _drain(dataset: FaceDataset, count: int) -> None:
    for _ in DataLoader(Subset(dataset, range(count)), batch_size=BATCH, num_workers=2):
        pass


def _torchvision_standard() -> v2.Transform:
    """The preset "standard", written with torchvision's own transforms."""
    return v2.Compose(
        [
            v2.RandomResizedCrop(SIZE_PX, scale=(0.8, 1.0), antialias=True),
            v2.RandomHorizontalFlip(0.5),
            v2.RandomRotation(10, interpolation=v2.InterpolationMode.BILINEAR),
            v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.05),
        ]
    )


def _torchvision_decode(image: bytes) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        raw = torch.frombuffer(bytearray(image), dtype=torch.uint8)
        pixels: torch.Tensor = decode_jpeg(raw, mode=ImageReadMode.RGB)
    return pixels


def _processor_time_s() -> float:
    """The processor time of this process and of its child processes that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def prepare(file: Path, folder: Path, count: int) -> Path:
    """Write the first images of a Parquet file as a data set without labels: JPEGs of 160 px."""
    batches = pq.ParquetFile(file).iter_batches(256, columns=["image"])
    images = (image for batch in batches for image in batch["image"].to_pylist())
    labelled = [(_resized(image), 0.0) for image in islice(images, count)]
    return write_data_set(folder / "faces", {"train": labelled}, size_px=SIZE_PX)


def _resized(image: bytes) -> bytes:
    stream = io.BytesIO()
    resized = Image.fromarray(decode(image)).resize((SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC)
    resized.save(stream, "JPEG", quality=95)
    return stream.getvalue()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="data set, or Parquet file")
    parser.add_argument("--split", help="of the data set (its first)")
    parser.add_argument("--count", type=int, default=2000, help="images a round (2000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each variant (3)")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
