"""From a planned run to a prepared data set: what a worker does with a chunk, and the end.

Nothing here knows of Ray: `trainers.preparation` hands the chunks to workers, and a plain loop over
`ChunkProcessor` gives the same bytes.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice

import pyarrow as pa
import pyarrow.parquet as pq

from faceage_core import __version__
from faceage_core.data.layout import REJECTED
from faceage_core.data.manifest import Manifest
from faceage_core.data.prepare.assignment import Candidate, Decisions, decide
from faceage_core.data.prepare.images import Picture, ImagePreparer
from faceage_core.data.prepare.plan import Job, listed_rejections, planned, rejected_table
from faceage_core.data.prepare.splits import split_hash
from faceage_core.data.readers import load_reader
from faceage_core.data.schema import SCHEMA, Rejection
from faceage_core.data.shards import PartWriter, parquet
from faceage_core.data.storage import Folder
from faceage_core.data.training_crop import training_crop
from faceage_core.errors import InvalidDataset

# As SCHEMA, but the split is the one that the source gives, if it gives one.
_STAGED_SCHEMA = pa.schema(
    [pa.field("split", pa.string()) if field.name == "split" else field for field in SCHEMA]
)
_METADATA = ["name", "sha256", "perceptual_hash", "age_years", "identity", "split"]


class ChunkProcessor:
    """What each worker owns: it turns chunks of entries into staged files."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._maker = ImagePreparer(job.options)

    def make(self, index: int) -> None:
        """Read, prepare and stage one chunk.

        Raises:
            StorageError: what was made cannot be written.
        """
        made = [self._maker.make(source, entry) for source, entry in planned(self._job, index)]
        dataset, staging = self._job.options.dataset, self._job.staging
        rejections = [item for item in made if isinstance(item, Rejection)]
        rows = [_row(item, dataset) for item in made if isinstance(item, Picture)]
        staging.write(_rejected(index), parquet(rejected_table(rejections, dataset)))
        # Last: its presence says that the chunk is done.
        staging.write(_kept(index), parquet(pa.Table.from_pylist(rows, schema=_STAGED_SCHEMA)))


def pending(job: Job) -> list[int]:
    """The chunks that are still to be made."""
    there = Folder(job.staging.filesystem, job.staging.path).files
    return [index for index in range(len(job.chunk_sizes)) if _kept(index) not in there]


def assemble(job: Job, target: Folder) -> Manifest:
    """From all staged chunks to the final files; the manifest is returned and not yet written.

    Args:
        job: all of whose chunks are made.
        target: an empty folder.

    Raises:
        InvalidDataset: no picture, or none for one of the splits, is left.
        StorageError: the result cannot be written.
    """
    options = job.options
    candidates = [
        candidate for table in _chunks(job, _METADATA) for candidate in _candidates(table)
    ]
    rejected = [listed_rejections(job), *_tables(job, _rejected)]
    if not candidates:
        counted = _counted(pa.concat_tables(rejected))
        raise InvalidDataset(f"no picture could be used; set aside were {_listed(counted)}")
    shares = options.shares(given=bool(job.given_splits))
    decisions = decide(candidates, shares, distance=options.near_duplicate_bits, seed=options.seed)
    set_aside = [outcome for outcome in decisions.outcomes if isinstance(outcome, Rejection)]
    rejected.append(rejected_table(set_aside, options.dataset))
    splits = _write_splits(job, decisions, target)
    everything = pa.concat_tables(rejected).sort_by(
        [("name", "ascending"), ("reason", "ascending")]
    )
    for name in shares or job.given_splits:
        if name not in splits:
            why = (
                f"{len(candidates)} pictures form only {decisions.groups} groups that must stay "
                "together; --split or --folds must ask for no more"
                if shares
                else f"set aside were {_listed(_counted(everything))}"
            )
            raise InvalidDataset(f"no picture is left for {name}: {why}")
    target.write(REJECTED, parquet(everything))
    kept = [i for i, outcome in enumerate(decisions.outcomes) if isinstance(outcome, str)]
    return Manifest(
        tool_version=__version__,
        dataset=options.dataset,
        license=load_reader(options.dataset).license,
        options=options,
        crop=training_crop(options.size_px, options.margin) if options.crop == "detect" else None,
        source_digest=job.source_digest,
        read=len(kept) + len(everything),
        kept=len(kept),
        rejected=_counted(everything),
        splits=splits,
        split_hash=split_hash(
            [candidates[i].sha256 for i in kept], [str(decisions.outcomes[i]) for i in kept]
        ),
        groups=decisions.groups,
        largest_group=decisions.largest_group,
    )


def _write_splits(job: Job, decisions: Decisions, target: Folder) -> dict[str, int]:
    """Write every split's parts in one pass over the chunks; how many pictures each has."""
    writers: dict[str, PartWriter] = {}
    outcomes = iter(decisions.outcomes)
    for table in _chunks(job, SCHEMA.names):
        chosen = list(islice(outcomes, len(table)))
        for split in sorted({outcome for outcome in chosen if isinstance(outcome, str)}):
            rows = table.filter(pa.array([outcome == split for outcome in chosen]))
            named = pa.array([split] * len(rows), pa.string())
            position = rows.schema.get_field_index("split")
            rows = rows.set_column(position, SCHEMA.field("split"), named).cast(SCHEMA)
            writers.setdefault(split, PartWriter(target.child(split))).add(rows)
    for writer in writers.values():
        writer.close()
    return {split: writers[split].rows for split in sorted(writers)}


def _chunks(job: Job, columns: list[str]) -> Iterator[pa.Table]:
    return _tables(job, _kept, columns)


def _tables(
    job: Job, name: Callable[[int], str], columns: list[str] | None = None
) -> Iterator[pa.Table]:
    for index in range(len(job.chunk_sizes)):
        path = f"{job.staging.path}/{name(index)}"
        with job.staging.filesystem.open_input_file(path) as file:
            table = pq.ParquetFile(file).read(columns)
        yield table


def _candidates(table: pa.Table) -> Iterator[Candidate]:
    for row in table.to_pylist():
        yield Candidate(given_split=row.pop("split"), **row)


def _row(picture: Picture, dataset: str) -> dict[str, object]:
    entry = picture.entry
    return {
        "image": picture.image,
        "age_years": entry.age_years,
        "gender": entry.gender,
        "race": entry.race,
        "identity": entry.identity,
        "dataset": dataset,
        "name": entry.name,
        "width": picture.width,
        "height": picture.height,
        "sha256": picture.sha256,
        "perceptual_hash": picture.perceptual_hash,
        "split": entry.split,
    }


def _counted(rejected: pa.Table) -> dict[str, int]:
    return dict(sorted(Counter(rejected["reason"].to_pylist()).items()))


def _listed(counted: dict[str, int]) -> str:
    return ", ".join(f"{times} {reason}" for reason, times in counted.items())


def _kept(index: int) -> str:
    return f"chunk-{index:05d}.parquet"


def _rejected(index: int) -> str:
    return f"chunk-{index:05d}.rejected.parquet"
