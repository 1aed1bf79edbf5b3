"""Small prepared data sets with generated images, written directly by the schema."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from faceage_core.data.manifest import Manifest, write_manifest
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.schema import REJECTED_SCHEMA, SCHEMA
from faceage_core.data.storage import Folder


def make_image(seed: int, size: int = 160, kind: str = "JPEG") -> bytes:
    """An image of smooth random colours, different for each seed."""
    colours = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    image = Image.fromarray(colours).resize((size, size), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def row(seed: int, **changes: Any) -> dict[str, Any]:
    """One row with default values, except the given changes."""
    image = changes.pop("image", None) or make_image(seed)
    values: dict[str, Any] = {
        "image": image,
        "age_years": float(seed % 90),
        "gender": ("female", "male")[seed % 2],
        "race": ("Asian", "Black", "White")[seed % 3],
        "identity": None,
        "dataset": "generated",
        "name": f"{seed:05}.jpg",
        "width": 160,
        "height": 160,
        "sha256": hashlib.sha256(image).hexdigest(),
        "perceptual_hash": hashlib.md5(image).hexdigest()[:16],
        "split": "train",
    }
    return values | changes


def manifest_of(splits: dict[str, int], **changes: Any) -> Manifest:
    """A manifest with these numbers of images by split, and default values except the changes."""
    values: dict[str, Any] = {
        "tool_version": "0",
        "dataset": "generated",
        "license": "CC0-1.0",
        "options": PrepareOptions(dataset="generated", crop="none"),
        "crop": None,
        "source_digest": "",
        "read": sum(splits.values()),
        "kept": sum(splits.values()),
        "rejected": {},
        "splits": splits,
        "split_hash": "",
        "groups": 0,
        "largest_group": 0,
    }
    return Manifest(**(values | changes))


def write_part(path: Path, rows: Sequence[dict[str, Any]], row_group_rows: int = 4) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([r | {"split": path.parent.name} for r in rows], schema=SCHEMA)
    pq.write_table(table, path, row_group_size=row_group_rows)


def damage_pages(part: Path) -> None:
    """Overwrite the beginning of the first column; the footer stays intact."""
    with pq.ParquetFile(part) as file:
        start = file.metadata.row_group(0).column(0).data_page_offset
    data = bytearray(part.read_bytes())
    data[start : start + 8] = bytes(8)
    part.write_bytes(data)


def write_prepared(
    root: Path,
    splits: dict[str, Sequence[dict[str, Any]]],
    *,
    parts: int = 2,
    rejected: Sequence[tuple[str, str]] = (),
    manifest: dict[str, Any] | None = None,
) -> Path:
    """Write a prepared data set with `parts` files per split; `rejected` are (name, reason)."""
    for split, rows in splits.items():
        per_part = -(-len(rows) // parts)
        for number in range(parts):
            chunk = rows[number * per_part : (number + 1) * per_part]
            write_part(root / split / f"part-{number:05}.parquet", chunk)
    table = pa.Table.from_pylist(
        [{"name": n, "dataset": "generated", "reason": r, "detail": "-"} for n, r in rejected],
        schema=REJECTED_SCHEMA,
    )
    pq.write_table(table, root / "rejected.parquet")
    counts = {split: len(rows) for split, rows in splits.items()}
    write_manifest(Folder.at(str(root)), manifest_of(counts, **(manifest or {})))
    return root
