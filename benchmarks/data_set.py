"""Prepared data sets for measurements, written without `prepare`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from faceage_core import __version__
from faceage_core.data.manifest import Manifest, write_manifest
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.schema import SCHEMA
from faceage_core.data.storage import Folder

Labelled = tuple[bytes, float]
"""An encoded image and its age in years."""


def write_data_set(folder: Path, splits: Mapping[str, Sequence[Labelled]], *, size_px: int) -> Path:
    """Write a data set whose crop is unknown, as after `faceage prepare --crop none`.

    Args:
        folder: of the data set; it must not exist.
        splits: the images by split, all of size_px x size_px pixels.
        size_px: width and height.

    Returns:
        The folder.
    """
    texts = dict.fromkeys(("dataset", "name", "sha256", "perceptual_hash"), "")
    for split, images in splits.items():
        constant = {"split": split, "width": size_px, "height": size_px, **texts}
        rows = [{"image": image, "age_years": age, **constant} for image, age in images]
        (folder / split).mkdir(parents=True)
        part = folder / split / "part-00000.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), part)
    counts = {split: len(images) for split, images in splits.items()}
    total = sum(counts.values())
    manifest = Manifest(
        tool_version=__version__,
        dataset="",
        license="",
        options=PrepareOptions(dataset="", crop="none", size_px=size_px),
        crop=None,
        source_digest="",
        read=total,
        kept=total,
        rejected={},
        splits=counts,
        split_hash="",
        groups=total,
        largest_group=1,
    )
    write_manifest(Folder.at(str(folder)), manifest)
    return folder
