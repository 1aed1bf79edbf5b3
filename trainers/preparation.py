"""Prepare a raw data set as Parquet for training, on all cores of a machine or a cluster.

    python -m trainers.prepare utkface --source UTKFace --out prepared/utkface

The same as `faceage prepare`. Ray Data passes chunks of images to one worker per core. Each worker
writes its chunk to a staging folder beside the result, so that a killed run is resumed and memory
does not grow with the data set.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceage_core.data.manifest import Manifest
from faceage_core.data.prepare.chunks import ChunkProcessor, pending_chunks
from faceage_core.data.prepare.listing import list_source
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.prepare.output import find_finished, publish
from faceage_core.data.prepare.output_lock import lock_output
from faceage_core.data.prepare.plan import Job, staging_folder, write_plan
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidArgument, StorageError
from trainers.actor_pool import ProgressFn, map_items
from trainers.ray_session import ray_session


@dataclass(frozen=True)
class Preparation:
    """The result of `prepare`.

    Attributes:
        manifest: of the prepared data set.
        existed: whether it was already complete before.
    """

    manifest: Manifest
    existed: bool


def prepare(
    options: PrepareOptions,
    source: str,
    out: str,
    *,
    val_source: str | None = None,
    address: str | None = None,
    chunk: int | None = None,
    overwrite: bool = False,
    progress: ProgressFn = lambda done, total: None,
) -> Preparation:
    """Prepare a data set.

    Args:
        options: what to do with the images.
        source: a directory or a URI; for csv also a file.
        out: a directory or a URI for the result.
        val_source: a second source for validation; all of the first is then for training.
        address: of a Ray cluster whose machines can all reach source and out; None starts Ray on
            this machine.
        chunk: images per unit of work, which a killed worker loses at most; None chooses it by the
            number of images.
        overwrite: replace another prepared data set in `out`.
        progress: called as images are finished.

    Raises:
        InvalidArgument: the arguments contradict each other, or `out` contains something else.
        InvalidDataset: the source is not in the expected format, or has no usable image.
        StorageError: a file cannot be read or written.
    """
    options.check()
    _check_locations(options, source, val_source, out)
    sources = tuple(Folder.at(place) for place in (source, val_source) if place is not None)
    target = Folder.at(out).resolved()
    _require_outside(sources, target)
    listing = list_source(options, sources)
    existing = find_finished(target, options, listing.digest, overwrite=overwrite)
    if existing is not None:
        staging = staging_folder(options, listing, target, chunk)
        if staging.exists():  # of a run that was killed before it removed the folder
            with lock_output(target):
                staging.delete()
        return Preparation(existing, existed=True)
    with lock_output(target):
        try:
            job = write_plan(options, sources, listing, target, chunk)
            del listing  # frees the memory of perhaps half a million entries
            if remaining := pending_chunks(job):
                with ray_session(address):
                    _make_chunks(job, remaining, progress)
            return Preparation(publish(job, target), existed=False)
        except StorageError as error:  # of the output: unreadable source images are rejected
            raise StorageError(error.message, field="out") from None


def _make_chunks(job: Job, remaining: list[int], progress: ProgressFn) -> None:
    total = sum(job.chunk_sizes)
    done = total - sum(job.chunk_sizes[index] for index in remaining)
    progress(done, total)
    error = ""
    hint = "the same command continues from here"
    for row in map_items(_ChunkActor, job, remaining, retry_hint=hint):
        error = error or row["error"]
        if not error:
            done += job.chunk_sizes[row["item"]]
            progress(done, total)
    if error:
        raise StorageError(error)


class _ChunkActor:
    """Makes chunks in one process, which loads the detector once."""

    def __init__(self, job: Job) -> None:
        self._processor = ChunkProcessor(job)
        self._error = ""

    def __call__(self, batch: dict[str, NDArray[np.int64]]) -> dict[str, Any]:
        for index in batch["item"].tolist():
            try:
                if not self._error:  # after an error such as a full disk the rest is skipped
                    self._processor.process(index)
            except StorageError as error:  # the driver raises it
                self._error = error.message
        return {"item": batch["item"], "error": [self._error] * len(batch["item"])}


def _check_locations(
    options: PrepareOptions, source: str, val_source: str | None, out: str
) -> None:
    """Reject empty locations, such as an unset shell variable, and a split beside `val_source`."""
    for field, location in (("source", source), ("val_source", val_source), ("out", out)):
        if location is not None and not location.strip():
            raise InvalidArgument(f"{field} must be a path or a URI, got {location!r}", field=field)
    for field, value in (("split", options.split), ("folds", options.folds)):
        if val_source is not None and value is not None:
            raise InvalidArgument(
                f"{field} cannot be combined with a second source for validation", field=field
            )


def _require_outside(sources: tuple[Folder, ...], out: Folder) -> None:
    """Reject a result inside a source: the next run would read it as part of the source."""
    for source in sources:
        same = source.filesystem.equals(out.filesystem)
        if same and f"{out.path}/".startswith(f"{source.path}/") and source.file is None:
            raise InvalidArgument("out must not be inside the source", field="out")
