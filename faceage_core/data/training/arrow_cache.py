"""A cache of splits as memory-mapped Arrow files, for random access from many processes.

Reading one image from Parquet means decoding its whole row group. So the columns that training
needs are written once to an uncompressed Arrow file in a local cache, which is memory-mapped. Its
pages are in the system's page cache: all loader processes and ranks of a machine share one copy,
and the system reclaims it when memory is short. Five gigabytes of images therefore add almost
nothing to a process, and an object store is read only once.
"""

import hashlib
import json
from pathlib import Path

import pyarrow as pa
from filelock import FileLock

from faceage_core.data.layout import Layout
from faceage_core.data.schema import SCHEMA
from faceage_core.files.replace import replace_file

COLUMNS = ("image", "age_years", "gender", "race")
_BATCH_ROWS = 256
_FORMAT = "1"  # increase it when the content of the files changes


def cached_split(layout: Layout, split: str, cache: Path) -> Path:
    """The Arrow file of a split; it is written if the cache does not contain it.

    If several processes need the same file, one writes it and the others wait. The file of an
    earlier version of the same data set is removed.

    Args:
        layout: the data set.
        split: one of its splits.
        cache: a directory with room for the images; created if missing.

    Raises:
        InvalidDataset: the split is unknown, or one of its files is damaged.
        OSError: the cache cannot be written.
    """
    folder = layout.folder
    location = f"{folder.filesystem.type_name}:{folder.path}"
    directory = cache / "datasets" / hashlib.sha256(location.encode()).hexdigest()[:16]
    path = directory / f"{split}-{_fingerprint(layout, split)}.arrow"
    if path.is_file():
        return path
    directory.mkdir(parents=True, exist_ok=True)  # for the lock
    with FileLock(directory / f"{split}.lock"):
        if not path.is_file():
            _write(layout, split, path)
            for older in directory.glob(f"{split}-*.arrow"):
                if older != path:
                    older.unlink(missing_ok=True)
    return path


def map_split(path: Path) -> pa.Table:
    """Memory-map the rows of an Arrow file; pages are read when they are accessed."""
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _fingerprint(layout: Layout, split: str) -> str:
    """A digest that changes with the content: footers contain each column's size and range."""
    digest = hashlib.sha256(_FORMAT.encode())
    digest.update(layout.manifest.model_dump_json().encode())
    for part in layout.parts(split):
        with layout.open(part) as file:
            metadata = file.metadata.to_dict()
        digest.update(json.dumps(metadata, sort_keys=True, default=str).encode())
    return digest.hexdigest()[:32]


def _write(layout: Layout, split: str, path: Path) -> None:
    schema = pa.schema([SCHEMA.field(name) for name in COLUMNS])
    with (
        replace_file(path) as partial,
        pa.OSFile(str(partial), "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
    ):
        for part in layout.parts(split):
            with layout.open(part) as file:
                for batch in file.iter_batches(_BATCH_ROWS, columns=list(COLUMNS)):
                    writer.write_batch(batch.select(COLUMNS).cast(schema))
