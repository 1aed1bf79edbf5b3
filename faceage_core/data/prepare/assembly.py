"""Assemble the staged chunks of a run into the files of a prepared data set."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import pyarrow as pa

from faceage_core import __version__
from faceage_core.data.layout import REJECTED
from faceage_core.data.manifest import Manifest
from faceage_core.data.prepare.assignment import Candidate, SplitAssignment, assign_splits
from faceage_core.data.prepare.chunks import read_kept, read_rejected
from faceage_core.data.prepare.plan import Job, read_listed_rejections, rejected_table
from faceage_core.data.prepare.splits import split_hash
from faceage_core.data.readers import load_reader
from faceage_core.data.schema import SCHEMA, Rejection
from faceage_core.data.shards import PartWriter, to_parquet
from faceage_core.data.storage import Folder
from faceage_core.data.training_crop import training_crop
from faceage_core.errors import InvalidDataset

_METADATA = ["name", "sha256", "perceptual_hash", "age_years", "identity", "split"]


def assemble(job: Job, target: Folder) -> Manifest:
    """Write all files of the result but the manifest, which is returned.

    Args:
        job: a run whose chunks are all staged.
        target: an empty folder.

    Raises:
        InvalidDataset: no image is left, or none for one of the splits.
        StorageError: the result cannot be written.
    """
    options = job.options
    candidates = [
        candidate for table in read_kept(job, _METADATA) for candidate in _candidates(table)
    ]
    rejected = [read_listed_rejections(job), *read_rejected(job)]
    if not candidates:
        counts = _count_reasons(pa.concat_tables(rejected))
        raise InvalidDataset(f"no image could be used; rejected: {_listed(counts)}")
    shares = options.shares(source_has_splits=bool(job.given_splits))
    assignment = assign_splits(
        candidates, shares, distance=options.near_duplicate_bits, seed=options.seed
    )
    rejections = [outcome for outcome in assignment.outcomes if isinstance(outcome, Rejection)]
    rejected.append(rejected_table(rejections, options.dataset))
    splits = _write_splits(job, assignment, target)
    all_rejected = pa.concat_tables(rejected).sort_by(
        [("name", "ascending"), ("reason", "ascending")]
    )
    for name in shares or job.given_splits:
        if name not in splits:
            why = (
                f"{len(candidates)} images form only {assignment.groups} groups that must stay "
                "together; ask for fewer splits or folds"
                if shares
                else f"rejected: {_listed(_count_reasons(all_rejected))}"
            )
            raise InvalidDataset(f"no image is left for {name}: {why}")
    target.write(REJECTED, to_parquet(all_rejected))
    kept = [
        (candidate.sha256, outcome)
        for candidate, outcome in zip(candidates, assignment.outcomes, strict=True)
        if isinstance(outcome, str)
    ]
    return Manifest(
        tool_version=__version__,
        dataset=options.dataset,
        license=load_reader(options.dataset).license,
        options=options,
        crop=training_crop(options.size_px, options.margin) if options.crop == "detect" else None,
        source_digest=job.source_digest,
        read=len(kept) + len(all_rejected),
        kept=len(kept),
        rejected=_count_reasons(all_rejected),
        splits=splits,
        split_hash=split_hash([sha for sha, _ in kept], [split for _, split in kept]),
        groups=assignment.groups,
        largest_group=assignment.largest_group,
    )


def _write_splits(job: Job, assignment: SplitAssignment, target: Folder) -> dict[str, int]:
    """Write the parts of all splits in one pass over the chunks; return the rows of each split."""
    writers: dict[str, PartWriter] = {}
    outcomes = iter(assignment.outcomes)
    for table in read_kept(job, SCHEMA.names):
        chosen = list(islice(outcomes, len(table)))
        for split in sorted({outcome for outcome in chosen if isinstance(outcome, str)}):
            rows = table.filter(pa.array([outcome == split for outcome in chosen]))
            column = pa.array([split] * len(rows), pa.string())
            position = rows.schema.get_field_index("split")
            rows = rows.set_column(position, SCHEMA.field("split"), column).cast(SCHEMA)
            writers.setdefault(split, PartWriter(target.child(split))).add(rows)
    for writer in writers.values():
        writer.close()
    return {split: writers[split].rows for split in sorted(writers)}


def _candidates(table: pa.Table) -> Iterator[Candidate]:
    for row in table.to_pylist():
        yield Candidate(given_split=row.pop("split"), **row)


def _count_reasons(rejected: pa.Table) -> dict[str, int]:
    return dict(sorted(Counter(rejected["reason"].to_pylist()).items()))


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.items())
