import io

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from faceage_core.data.schema import SCHEMA
from faceage_core.data.shards import PartWriter, to_parquet
from faceage_core.data.storage import Folder


def test_part_boundaries_depend_on_rows_alone() -> None:
    rows = [
        dict.fromkeys(SCHEMA.names, "x")
        | {"image": b"x" * (10 + i), "age_years": 1.0, "width": 1, "height": 1, "name": str(i)}
        for i in range(50)
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)

    def written(step: int) -> list[bytes]:
        memory = fs._MockFileSystem()
        memory.create_dir("out")
        writer = PartWriter(Folder(memory, "out"), part_bytes=300)
        for start in range(0, len(rows), step):
            writer.add(table.slice(start, step))
        writer.close()
        assert writer.rows == 50
        return [Folder(memory, "out").read(name) for name in sorted(Folder(memory, "out").files)]

    parts = written(50)
    assert len(parts) > 3
    assert parts == written(7) == written(1)
    names = [name for part in parts for name in pq.read_table(io.BytesIO(part))["name"].to_pylist()]
    assert names == [str(i) for i in range(50)]
    assert to_parquet(table).equals(to_parquet(table))
