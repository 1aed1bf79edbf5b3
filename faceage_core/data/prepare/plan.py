"""The plan of a preparation, written before the work begins, so that a killed run can be resumed.

    OUT.staging-<digest>/
        plan.parquet                    all entries to read, one chunk for each row group
        listed.parquet                  images that the reader rejected
        chunk-00000.parquet             the prepared images of a chunk
        chunk-00000.rejected.parquet    its rejected images

The digest covers the options and the source's labels, names and file sizes, so a run with another
source or other options uses another folder.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from faceage_core import __version__
from faceage_core.data.prepare.listing import Listing
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.schema import REJECTED_SCHEMA, Entry, Rejection
from faceage_core.data.shards import to_parquet
from faceage_core.data.storage import Folder
from faceage_core.types import Box

_PLAN, _LISTED = "plan.parquet", "listed.parquet"
# Defaults: enough chunks for many workers, but not so small that scheduling them costs more.
_CHUNKS, _MIN_CHUNK, _MAX_CHUNK = 128, 32, 512
_PLAN_SCHEMA = pa.schema(
    [
        ("source", pa.int32()),
        ("path", pa.string()),
        ("name", pa.string()),
        ("age_years", pa.float64()),
        ("gender", pa.string()),
        ("race", pa.string()),
        ("identity", pa.string()),
        ("split", pa.string()),
        ("box", pa.list_(pa.float64(), 4)),
    ]
)


@dataclass(frozen=True)
class Job:
    """A planned run; small, and the same for every worker.

    Attributes:
        options: the options of the run.
        sources: the folders of the images.
        staging: the folder where workers write their chunks.
        chunk_sizes: the number of images in each chunk.
        source_digest: of the listing.
        given_splits: of the listing.
    """

    options: PrepareOptions
    sources: tuple[Folder, ...]
    staging: Folder
    chunk_sizes: tuple[int, ...]
    source_digest: str
    given_splits: tuple[str, ...]


def write_plan(
    options: PrepareOptions,
    sources: tuple[Folder, ...],
    listing: Listing,
    out: Folder,
    chunk: int | None = None,
) -> Job:
    """Write the plan of a run, unless it exists.

    Args:
        options: the options of the run.
        sources: the listed sources.
        listing: their images.
        out: the folder of the result; the staging folder is beside it.
        chunk: images in a chunk; None: by the number of images.

    Raises:
        StorageError: the plan cannot be written.
    """
    chunk = _chunk_size(listing, chunk)
    staging = staging_folder(options, listing, out, chunk)
    job = Job(
        options=options,
        sources=sources,
        staging=staging,
        chunk_sizes=tuple(
            min(chunk, len(listing.entries) - start)
            for start in range(0, len(listing.entries), chunk)
        ),
        source_digest=listing.digest,
        given_splits=listing.given_splits,
    )
    if not staging.exists(_PLAN):
        staging.write(_LISTED, to_parquet(rejected_table(listing.rejections, options.dataset)))
        rows = [_row(index, entry) for index, entry in listing.entries]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, schema=_PLAN_SCHEMA), sink, row_group_size=chunk)
        staging.write(_PLAN, sink.getvalue())
    return job


def staging_folder(
    options: PrepareOptions, listing: Listing, out: Folder, chunk: int | None = None
) -> Folder:
    """The staging folder of a run; the arguments are those of `write_plan`."""
    size = _chunk_size(listing, chunk)
    key = f"{options.model_dump_json()}\n{listing.digest}\n{size}\n{__version__}"
    return out.sibling(f".staging-{hashlib.sha256(key.encode()).hexdigest()[:12]}")


def read_planned_entries(job: Job, index: int) -> list[tuple[Folder, Entry]]:
    """The entries of one chunk, each with its source."""
    with job.staging.filesystem.open_input_file(f"{job.staging.path}/{_PLAN}") as file:
        rows = pq.ParquetFile(file).read_row_group(index).to_pylist()
    return [(job.sources[row.pop("source")], _entry(row)) for row in rows]


def read_listed_rejections(job: Job) -> pa.Table:
    """The images that the reader rejected, as REJECTED_SCHEMA."""
    return pq.read_table(io.BytesIO(job.staging.read(_LISTED)))


def rejected_table(rejections: Sequence[Rejection], dataset: str) -> pa.Table:
    """Rejections as rows of REJECTED_SCHEMA."""
    rows = [asdict(rejection) | {"dataset": dataset} for rejection in rejections]
    return pa.Table.from_pylist(rows, schema=REJECTED_SCHEMA)


def _chunk_size(listing: Listing, requested: int | None) -> int:
    return requested or min(max(len(listing.entries) // _CHUNKS, _MIN_CHUNK), _MAX_CHUNK)


def _row(index: int, entry: Entry) -> dict[str, object]:
    box = entry.box
    corners = [box.x1, box.y1, box.x2, box.y2] if box else None
    return {"source": index, **entry.__dict__, "box": corners}


def _entry(row: dict[str, object]) -> Entry:
    corners = row.pop("box")
    return Entry(**row, box=Box(*corners) if corners else None)  # type: ignore[arg-type, misc]
