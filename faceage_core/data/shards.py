"""Parquet files written so that equal rows give equal bytes, in parts of bounded size."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from faceage_core.data.storage import Folder

ROWS_A_GROUP = 256
PART_BYTES = 64 * 1024 * 1024

_WORDS = ["gender", "race", "identity", "dataset", "split", "reason"]


def parquet(table: pa.Table) -> pa.Buffer:
    """A table as a Parquet file; the same rows and the same pyarrow give the same bytes.

    Pictures are stored as they are, since they are compressed already.
    """
    sink = pa.BufferOutputStream()
    columns = [name for name in table.column_names if name != "image"]
    pq.write_table(
        table.combine_chunks(),
        sink,
        row_group_size=ROWS_A_GROUP,
        compression={name: "none" if name == "image" else "zstd" for name in table.column_names},
        use_dictionary=[name for name in columns if name in _WORDS],
        write_statistics=columns,
    )
    return sink.getvalue()


class PartWriter:
    """Rows come in, files part-00000.parquet, part-00001.parquet, ... go out.

    Where a part ends depends on the rows alone, not on the tables in which they come.
    """

    def __init__(self, folder: Folder, *, part_bytes: int = PART_BYTES) -> None:
        self._folder = folder
        self._part_bytes = part_bytes
        self._pending: list[pa.Table] = []
        self._pending_bytes = 0
        self._parts = 0
        self.rows = 0

    def add(self, table: pa.Table) -> None:
        """Append rows with a column `image`."""
        self.rows += len(table)
        start = 0
        for end in self._ends(table):
            self._pending.append(table.slice(start, end - start))
            self._flush()
            start = end
        if start < len(table):
            self._pending.append(table.slice(start))

    def close(self) -> None:
        """Write what is left."""
        if self._pending:
            self._flush()

    def _ends(self, table: pa.Table) -> Iterable[int]:
        """After which rows of a table a part is full."""
        for index, size in enumerate(pc.binary_length(table["image"]).to_pylist()):
            self._pending_bytes += size
            if self._pending_bytes >= self._part_bytes:
                self._pending_bytes = 0
                yield index + 1

    def _flush(self) -> None:
        name = f"part-{self._parts:05d}.parquet"
        self._folder.write(name, parquet(pa.concat_tables(self._pending)))
        self._pending = []
        self._parts += 1
