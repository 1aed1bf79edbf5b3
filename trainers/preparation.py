"""A raw data set becomes training-ready Parquet, on all cores of a machine or of a cluster.

    python -m trainers.prepare utkface --source UTKFace --out prepared/utkface

The same as `faceage prepare`. Ray Data hands chunks of pictures to one worker a core; each worker
leaves its chunk in a staging folder beside the result, so that a killed run is taken up where it
ended and memory does not grow with the data set.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray
from ray.data import ActorPoolStrategy
from ray.exceptions import RayError
from ray.util.annotations import RayDeprecationWarning

from faceage_core.data.manifest import Manifest
from faceage_core.data.prepare.chunks import ChunkProcessor, pending_chunks
from faceage_core.data.prepare.listing import list_source
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.prepare.output import find_finished, publish
from faceage_core.data.prepare.output_lock import lock_output
from faceage_core.data.prepare.plan import Job, staging_folder, write_plan
from faceage_core.data.storage import Folder
from faceage_core.errors import FaceageError, InvalidArgument, StorageError
from trainers.session import ray_session

Report = Callable[[int, int], None]
"""Called with the pictures done and those there are."""


@dataclass(frozen=True)
class Prepared:
    """The outcome of `prepare`.

    Attributes:
        manifest: of the result.
        already: whether it was there before.
    """

    manifest: Manifest
    already: bool


def prepare(
    options: PrepareOptions,
    source: str,
    out: str,
    *,
    val_source: str | None = None,
    address: str | None = None,
    chunk: int | None = None,
    overwrite: bool = False,
    report: Report = lambda done, total: None,
) -> Prepared:
    """Prepare a data set.

    Args:
        options: what to do with it.
        source: a directory or a URI; for csv also a file.
        out: likewise; where the result goes.
        val_source: a second source, all of which validates while all of the first trains.
        address: of a Ray cluster, whose machines must all reach source and out; None starts Ray
            here, for the time of the run.
        chunk: pictures a unit of work: what a killed run loses at most, for each worker; None: by
            how many there are.
        overwrite: replace another prepared data set under that name.
        report: progress.

    Raises:
        InvalidArgument: the arguments contradict each other, or what is there already.
        InvalidDataset: the source is not what was expected, or nothing of it can be used.
        StorageError: something cannot be read or written.
    """
    options.check()
    _check_locations(options, source, val_source, out)
    sources = tuple(Folder.at(place) for place in (source, val_source) if place is not None)
    target = Folder.at(out).resolved()
    _require_apart(sources, target)
    listing = list_source(options, sources)
    there = find_finished(target, options, listing.digest, overwrite=overwrite)
    if there is not None:
        left_over = staging_folder(options, listing, target, chunk)
        if left_over.exists():  # of a run that was killed after its last step but one
            with lock_output(target):
                left_over.delete()
        return Prepared(there, already=True)
    with lock_output(target):
        try:
            job = write_plan(options, sources, listing, target, chunk)
            del listing  # half a million entries are not needed here any more
            if left := pending_chunks(job):
                with ray_session(address):
                    _make(job, left, report)
            return Prepared(publish(job, target), already=False)
        except StorageError as error:  # what of a source cannot be read is set aside
            raise StorageError(f"--out: {error.message}", field="out") from None


def _make(job: Job, left: list[int], report: Report) -> None:
    total = sum(job.chunk_sizes)
    done = total - sum(job.chunk_sizes[index] for index in left)
    report(done, total)
    cpus = ray.cluster_resources().get("CPU", 1)  # type: ignore[no-untyped-call]
    made = _mapped(left, job, workers=max(1, min(int(cpus), len(left))))
    error = ""
    try:
        for row in made.iter_rows():
            error = error or row["error"]
            if not error:
                done += job.chunk_sizes[row["item"]]
                report(done, total)
    except RayError as lost:
        raise FaceageError(
            f"a worker was lost ({type(lost).__name__}); the same command goes on from here"
        ) from None
    if error:
        raise StorageError(error)


def _mapped(left: list[int], job: Job, *, workers: int) -> ray.data.Dataset:
    """The chunks, each made by one of the workers; a row for each with what went wrong."""
    with warnings.catch_warnings():
        # Ray 2.64 drops this way to limit restarts; 2.60 has no other, and its default is without
        # end, so that a worker that dies of what it reads would die for ever.
        warnings.simplefilter("ignore", RayDeprecationWarning)
        return ray.data.from_items(left, override_num_blocks=len(left)).map_batches(
            _Worker,
            fn_constructor_args=(job,),
            batch_size=1,
            compute=ActorPoolStrategy(size=workers),
            num_cpus=1,
            max_restarts=0,
        )


class _Worker:
    """One process of Ray Data's pool; the detector is loaded once."""

    def __init__(self, job: Job) -> None:
        self._processor = ChunkProcessor(job)
        self._error = ""

    def __call__(self, batch: dict[str, NDArray[np.int64]]) -> dict[str, Any]:
        for index in batch["item"].tolist():
            try:
                if not self._error:  # a full disk stays full: be done with the rest at once
                    self._processor.process(index)
            except StorageError as error:  # for the driver to tell
                self._error = error.message
        return {"item": batch["item"], "error": [self._error] * len(batch["item"])}


def _check_locations(
    options: PrepareOptions, source: str, val_source: str | None, out: str
) -> None:
    """Refuse an empty one, as from an unset shell variable, and two answers to what validates."""
    for field, location in (("source", source), ("val_source", val_source), ("out", out)):
        if location is not None and not location.strip():
            option = f"--{field.replace('_', '-')}"
            raise InvalidArgument(f"{option} must be a path or a URI, got nothing", field=field)
    for field, value in (("split", options.split), ("folds", options.folds)):
        if val_source is not None and value is not None:
            raise InvalidArgument(f"--val-source and --{field} exclude each other", field=field)


def _require_apart(sources: tuple[Folder, ...], out: Folder) -> None:
    """Refuse a result inside a source: it would become part of the next run's source."""
    for source in sources:
        same = source.filesystem.equals(out.filesystem)
        if same and f"{out.path}/".startswith(f"{source.path}/") and source.file is None:
            raise InvalidArgument("--out must not lie inside --source", field="out")
