"""The work of one run, written down before it begins, so that a killed run can be taken up again.

    OUT.staging-<digest>/
        plan.parquet        every entry to read, in chunks
        listed.parquet      what the reader set aside
        chunk-00000.parquet what a worker made of a chunk, and
        chunk-00000.rejected.parquet

The digest covers the options and the source's labels, names and file sizes: another source or other
options never meet another run's leftovers. Entries are worked on in the order of a hash of their
names, since many data sets name their files by age, and a result in that order would be a poor one
to read in parts.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq

from faceage_core import __version__
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.readers import load_reader
from faceage_core.data.schema import REJECTED_SCHEMA, SPLITS, Entry, Rejection
from faceage_core.data.shards import parquet
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset
from faceage_core.types import Box

_PLAN, _LISTED = "plan.parquet", "listed.parquet"
# By default: enough chunks for many workers to share, none too small to be worth handing out.
_CHUNKS, _LEAST_CHUNK, _MOST_CHUNK = 128, 32, 512
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
class Listing:
    """A source's pictures, listed and not read.

    Attributes:
        entries: (index of the source, entry), in the order in which they are worked on.
        rejections: what the reader set aside.
        digest: over the labels, names and file sizes.
        given_splits: those that the source has of its own, if it has any.
    """

    entries: list[tuple[int, Entry]]
    rejections: list[Rejection]
    digest: str
    given_splits: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """A planned run; small, and the same for every worker.

    Attributes:
        options: of the run.
        sources: where the pictures are.
        staging: where workers leave what they made.
        chunk_sizes: how many pictures each chunk has.
        source_digest: of the listing.
        given_splits: of the listing.
    """

    options: PrepareOptions
    sources: tuple[Folder, ...]
    staging: Folder
    chunk_sizes: tuple[int, ...]
    source_digest: str
    given_splits: tuple[str, ...]


def list_source(options: PrepareOptions, sources: Sequence[Folder]) -> Listing:
    """List one source, or two: then the first trains and the second validates.

    Raises:
        InvalidDataset: a source is not what its reader expects, or nothing in it can be used.
    """
    reader = load_reader(options.dataset)
    entries: list[tuple[int, Entry]] = []
    rejections: list[Rejection] = []
    for index, source in enumerate(sources):
        for item in reader.entries(source):
            stated = replace(item, split=SPLITS[index]) if len(sources) > 1 else item
            if isinstance(stated, Rejection):
                rejections.append(stated)
            else:
                entries.append((index, stated))
    given = _given_splits(entries, rejections)
    if given and options.shares(given=True) is None:
        rejections += [
            Rejection(entry.name, "split_missing", "the source gives other pictures a split")
            for _, entry in entries
            if not entry.split
        ]
        entries = [item for item in entries if item[1].split]
    if not entries and not rejections:
        raise InvalidDataset(f"{' and '.join(s.name for s in sources)} lists no picture")
    if not entries:
        counts = sorted({r.reason for r in rejections})
        raise InvalidDataset(
            f"none of the {len(rejections)} pictures can be used: {', '.join(counts)}; the first: "
            f"{rejections[0].name}: {rejections[0].detail}"
        )
    entries.sort(key=lambda item: (hashlib.sha256(item[1].name.encode()).digest(), item[0]))
    return Listing(entries, rejections, _digest(entries, rejections, sources), given)


def write_plan(
    options: PrepareOptions,
    sources: tuple[Folder, ...],
    listing: Listing,
    out: Folder,
    chunk: int | None = None,
) -> Job:
    """Write a run down, unless it is already.

    Args:
        options: of the run.
        sources: as listed.
        listing: of the sources.
        out: where the result will be; the staging folder lies beside it.
        chunk: pictures a chunk; None: by how many there are.
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
        staging.write(_LISTED, parquet(rejected_table(listing.rejections, options.dataset)))
        rows = [_row(index, entry) for index, entry in listing.entries]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, schema=_PLAN_SCHEMA), sink, row_group_size=chunk)
        staging.write(_PLAN, sink.getvalue())
    return job


def staging_folder(
    options: PrepareOptions, listing: Listing, out: Folder, chunk: int | None = None
) -> Folder:
    """Where a run keeps what it has made; the arguments are those of `write_plan`."""
    size = _chunk_size(listing, chunk)
    key = f"{options.model_dump_json()}\n{listing.digest}\n{size}\n{__version__}"
    return out.beside(f".staging-{hashlib.sha256(key.encode()).hexdigest()[:12]}")


def _chunk_size(listing: Listing, asked: int | None) -> int:
    return asked or min(max(len(listing.entries) // _CHUNKS, _LEAST_CHUNK), _MOST_CHUNK)


def planned(job: Job, index: int) -> list[tuple[Folder, Entry]]:
    """The entries of one chunk, each with its source."""
    with job.staging.filesystem.open_input_file(f"{job.staging.path}/{_PLAN}") as file:
        rows = pq.ParquetFile(file).read_row_group(index).to_pylist()
    return [(job.sources[row.pop("source")], _entry(row)) for row in rows]


def listed_rejections(job: Job) -> pa.Table:
    """What the reader set aside, REJECTED_SCHEMA."""
    return pq.read_table(io.BytesIO(job.staging.read(_LISTED)))


def rejected_table(rejections: Sequence[Rejection], dataset: str) -> pa.Table:
    """Rejections as rows of REJECTED_SCHEMA."""
    rows = [asdict(rejection) | {"dataset": dataset} for rejection in rejections]
    return pa.Table.from_pylist(rows, schema=REJECTED_SCHEMA)


def _given_splits(entries: list[tuple[int, Entry]], rejections: list[Rejection]) -> tuple[str, ...]:
    """The source's own splits, those included of which no picture can be used."""
    if not any(entry.split for _, entry in entries):
        return ()
    stated = {entry.split for _, entry in entries} | {item.split for item in rejections}
    return tuple(split for split in SPLITS if split in stated)


def _digest(
    entries: list[tuple[int, Entry]], rejections: list[Rejection], sources: Sequence[Folder]
) -> str:
    digest = hashlib.sha256()
    for line in _lines(entries, rejections, sources):
        digest.update(line.encode())
    return digest.hexdigest()


def _lines(
    entries: list[tuple[int, Entry]], rejections: list[Rejection], sources: Sequence[Folder]
) -> Iterator[str]:
    for index, entry in entries:
        yield f"{index} {entry!r} {sources[index].files.get(entry.path)}\n"
    for rejection in rejections:
        yield f"{rejection!r}\n"


def _row(index: int, entry: Entry) -> dict[str, object]:
    box = entry.box
    corners = [box.x1, box.y1, box.x2, box.y2] if box else None
    return {"source": index, **entry.__dict__, "box": corners}


def _entry(row: dict[str, object]) -> Entry:
    corners = row.pop("box")
    return Entry(**row, box=Box(*corners) if corners else None)  # type: ignore[arg-type, misc]
