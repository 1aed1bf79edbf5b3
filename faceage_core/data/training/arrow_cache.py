"""A split as one memory-mapped Arrow file, for random access that all processes share.

Parquet is made for reading in order: one picture costs the decoding of its whole row group. So the
columns that training needs are written once, uncompressed, as an Arrow file in a cache, and mapped
from there. Its pages belong to the system's page cache: one copy in memory serves every loader
process and every rank of the machine, and is given back when memory runs short. Five gigabytes of
pictures therefore add next to nothing to a process, and an object store is read only once.
"""

import hashlib
import json
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
from filelock import FileLock

from faceage_core.data.layout import Layout
from faceage_core.data.schema import SCHEMA

COLUMNS = ("image", "age_years", "gender", "race")
_BATCH_ROWS = 256
_FORMAT = "1"  # a change of what is written here must change it


def mapped_file(layout: Layout, split: str, cache: Path) -> Path:
    """The Arrow file of a split, written first if the cache does not have it.

    Of several processes that want the same file, one writes and the others wait. A file of the same
    split in an older state of the same data set is removed.

    Args:
        layout: the data set.
        split: one of its splits.
        cache: a directory with room for the pictures; made if missing.

    Raises:
        InvalidDataset: there is no such split, or one of its files is damaged.
        OSError: the cache cannot be written.
    """
    folder = layout.folder
    place = hashlib.sha256(f"{folder.filesystem.type_name}:{folder.path}".encode()).hexdigest()
    directory = cache / "datasets" / place[:16]
    path = directory / f"{split}-{_fingerprint(layout, split)}.arrow"
    if path.is_file():
        return path
    directory.mkdir(parents=True, exist_ok=True)
    with FileLock(directory / f"{split}.lock"):
        if not path.is_file():
            _write(layout, split, path)
            for older in directory.glob(f"{split}-*.arrow"):
                if older != path:
                    older.unlink(missing_ok=True)
    return path


def read_mapped(path: Path) -> pa.Table:
    """The rows of such a file; nothing is read before it is looked at."""
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _fingerprint(layout: Layout, split: str) -> str:
    """Changes with the content: the footers hold every column's size and range of values."""
    digest = hashlib.sha256(_FORMAT.encode())
    digest.update(layout.manifest.model_dump_json().encode())
    for part in layout.parts(split):
        with layout.open(part) as file:
            metadata = file.metadata.to_dict()
        digest.update(json.dumps(metadata, sort_keys=True, default=str).encode())
    return digest.hexdigest()[:32]


def _write(layout: Layout, split: str, path: Path) -> None:
    schema = pa.schema([SCHEMA.field(name) for name in COLUMNS])
    partial = path.with_suffix(".part")
    try:
        with pa.OSFile(str(partial), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for part in layout.parts(split):
                with layout.open(part) as file:
                    for batch in file.iter_batches(_BATCH_ROWS, columns=list(COLUMNS)):
                        writer.write_batch(batch.select(COLUMNS).cast(schema))
        partial.replace(path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()
