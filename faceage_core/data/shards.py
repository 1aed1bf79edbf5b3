"""Deterministic Parquet files in parts of bounded size: equal rows give equal bytes."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from faceage_core.data.storage import Folder

ROW_GROUP_ROWS = 256
PART_BYTES = 64 * 1024 * 1024

_DICTIONARY_COLUMNS = ["gender", "race", "identity", "dataset", "split", "reason"]


def to_parquet(table: pa.Table) -> pa.Buffer:
    """Encode a table as a Parquet file; equal rows give equal bytes with one pyarrow version.

    Images are stored uncompressed, since JPEG compresses already.
    """
    sink = pa.BufferOutputStream()
    columns = [name for name in table.column_names if name != "image"]
    pq.write_table(
        table.combine_chunks(),
        sink,
        row_group_size=ROW_GROUP_ROWS,
        compression={name: "none" if name == "image" else "zstd" for name in table.column_names},
        use_dictionary=[name for name in columns if name in _DICTIONARY_COLUMNS],
        write_statistics=columns,
    )
    return sink.getvalue()


class PartWriter:
    """Writes rows to part-00000.parquet, part-00001.parquet, ... of bounded size.

    Where a part ends depends on the rows alone, not on how they are divided into tables.
    """

    def __init__(self, folder: Folder, *, part_bytes: int = PART_BYTES) -> None:
        self._folder = folder
        self._part_bytes = part_bytes
        self._pending: list[pa.Table] = []
        self._pending_bytes = 0
        self._parts = 0
        self.rows = 0

    def add(self, table: pa.Table) -> None:
        """Append rows of a table that has the column `image`."""
        self.rows += len(table)
        start = 0
        for end in self._part_ends(table):
            self._pending.append(table.slice(start, end - start))
            self._flush()
            start = end
        if start < len(table):
            self._pending.append(table.slice(start))

    def close(self) -> None:
        """Write the last part."""
        if self._pending:
            self._flush()

    def _part_ends(self, table: pa.Table) -> Iterable[int]:
        """Yield the row numbers of a table after which a part is full."""
        for index, size in enumerate(pc.binary_length(table["image"]).to_pylist()):
            self._pending_bytes += size
            if self._pending_bytes >= self._part_bytes:
                self._pending_bytes = 0
                yield index + 1

    def _flush(self) -> None:
        name = f"part-{self._parts:05d}.parquet"
        self._folder.write(name, to_parquet(pa.concat_tables(self._pending)))
        self._pending = []
        self._parts += 1
