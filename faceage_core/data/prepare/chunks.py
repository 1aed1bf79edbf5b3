"""Chunks of images: prepared by a worker, staged as Parquet files, read for the result."""

from collections.abc import Callable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from faceage_core.data.prepare.images import ImagePreparer, PreparedImage
from faceage_core.data.prepare.plan import Job, read_planned_entries, rejected_table
from faceage_core.data.schema import SCHEMA, Rejection
from faceage_core.data.shards import to_parquet
from faceage_core.data.storage import Folder

# As SCHEMA, but the split is the one that the source assigns, or null.
_STAGED_SCHEMA = pa.schema(
    [pa.field("split", pa.string()) if field.name == "split" else field for field in SCHEMA]
)


class ChunkProcessor:
    """The state of a worker: it prepares the images of one chunk after the other and stages them.

    It does not use Ray. A plain loop over all chunks gives the same bytes as many workers.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._preparer = ImagePreparer(job.options)

    def process(self, index: int) -> None:
        """Prepare and stage one chunk.

        Raises:
            StorageError: the chunk cannot be written.
        """
        entries = read_planned_entries(self._job, index)
        prepared = [self._preparer.prepare(source, entry) for source, entry in entries]
        dataset, staging = self._job.options.dataset, self._job.staging
        rejections = [item for item in prepared if isinstance(item, Rejection)]
        rows = [_row(item, dataset) for item in prepared if isinstance(item, PreparedImage)]
        staging.write(_rejected_name(index), to_parquet(rejected_table(rejections, dataset)))
        # Last, since its presence marks the chunk as done.
        kept = to_parquet(pa.Table.from_pylist(rows, schema=_STAGED_SCHEMA))
        staging.write(_kept_name(index), kept)


def pending_chunks(job: Job) -> list[int]:
    """The chunks that are not staged yet."""
    staged = Folder(job.staging.filesystem, job.staging.path).files
    return [index for index in range(len(job.chunk_sizes)) if _kept_name(index) not in staged]


def read_kept(job: Job, columns: list[str]) -> Iterator[pa.Table]:
    """The prepared images of each chunk; `split` is the one that the source assigns, or null."""
    return _read_chunks(job, _kept_name, columns)


def read_rejected(job: Job) -> Iterator[pa.Table]:
    """The rejected images of each chunk, as REJECTED_SCHEMA."""
    return _read_chunks(job, _rejected_name)


def _read_chunks(
    job: Job, name: Callable[[int], str], columns: list[str] | None = None
) -> Iterator[pa.Table]:
    for index in range(len(job.chunk_sizes)):
        path = f"{job.staging.path}/{name(index)}"
        with job.staging.filesystem.open_input_file(path) as file:
            table = pq.ParquetFile(file).read(columns)
        yield table


def _row(prepared: PreparedImage, dataset: str) -> dict[str, object]:
    entry = prepared.entry
    return {
        "image": prepared.image,
        "age_years": entry.age_years,
        "gender": entry.gender,
        "race": entry.race,
        "identity": entry.identity,
        "dataset": dataset,
        "name": entry.name,
        "width": prepared.width,
        "height": prepared.height,
        "sha256": prepared.sha256,
        "perceptual_hash": prepared.perceptual_hash,
        "split": entry.split,
    }


def _kept_name(index: int) -> str:
    return f"chunk-{index:05d}.parquet"


def _rejected_name(index: int) -> str:
    return f"chunk-{index:05d}.rejected.parquet"
