"""An age checkpoint measured on one split of a prepared data set, on all cores of a cluster.

    faceage evaluate runs/best prepared/utkface --split val

The same as `python -m trainers.evaluate`.

Ray Data hands ranges of picture numbers to a pool of workers. Each loads the model once, through
the code that serves it, and reads the pictures by number; what comes back are ages and
distributions. So evaluation, command line and service give the same numbers.
"""

import shlex
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray
from ray.data import ActorPoolStrategy
from ray.exceptions import RayError
from ray.util.annotations import RayDeprecationWarning

from faceage_core.age.estimator import AgeEstimator
from faceage_core.data.layout import Layout, find_layout
from faceage_core.data.training.dataset import FaceDataset
from faceage_core.errors import FaceageError, InvalidArgument, InvalidCheckpoint, StorageError
from faceage_core.evaluation.age.analysis import compute_report
from faceage_core.evaluation.age.predictions import NOT_STATED, AgePredictions
from faceage_core.evaluation.age.provenance import center_fraction, data_facts, model_facts
from faceage_core.evaluation.age.report import AgeReport
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.loading import load_age_network
from faceage_core.types import Attributes
from trainers.session import ray_session

DEFAULT_CHUNK = 64
DEVICES = ("cpu", "cuda")

Progress = Callable[[int, int], None]
"""Called with the pictures done and those there are."""


@dataclass(frozen=True)
class Evaluation:
    """The outcome of `evaluate`: the figures, and what they were made from."""

    report: AgeReport
    predictions: AgePredictions


@dataclass(frozen=True)
class _Job:
    """What a worker needs to know."""

    options: ModelOptions
    source: str
    split: str
    count: int
    chunk: int
    center: float

    @property
    def size_px(self) -> int:
        return resolve(self.options).age.input.crop.size_px


def evaluate(
    checkpoint: Path,
    dataset: str,
    *,
    split: str = "val",
    address: str | None = None,
    device: str = "cpu",
    chunk: int = DEFAULT_CHUNK,
    progress: Progress = lambda done, total: None,
) -> Evaluation:
    """Measure a checkpoint.

    Args:
        checkpoint: its directory.
        dataset: the directory or the address of a prepared data set.
        split: which of its splits.
        address: of a Ray cluster, whose machines must all reach checkpoint and data set; None
            starts Ray here, for the time of the run.
        device: where each worker runs the model: cpu, or cuda for one GPU a worker.
        chunk: pictures a unit of work; it does not depend on the number of workers, so that the
            same figures come from any machine of one kind.
        progress: called as it goes on.

    Raises:
        InvalidCheckpoint: it is not there, damaged, no age model, or answers with no number.
        InvalidDataset: it is not there, lacks the split, or a picture cannot be decoded.
        InvalidArgument: its pictures are cut otherwise than the model wants, or there is no such
            device.
    """
    if device not in DEVICES:  # Ray chooses the GPU
        raise InvalidArgument(
            f"device must be one of {', '.join(DEVICES)}, got {device!r}", field="device"
        )
    options = ModelOptions(age_checkpoint=checkpoint.absolute(), device=device)
    card = resolve(options).age
    layout = find_layout(dataset)
    labels = _labels(layout, split)
    manifest = layout.manifest
    center = center_fraction(card, manifest, layout.name)
    source = layout.folder.path if layout.folder.is_local else dataset
    job = _Job(options, source, split, count=labels.num_rows, chunk=chunk, center=center)
    with ray_session(address):
        said = _said(job, progress)
    predictions = _predictions(said, labels)
    if lost := int((~np.isfinite(predictions.probabilities).all(axis=1)).sum()):
        raise InvalidCheckpoint(
            f"{card.name} answers with what is no number for {lost} of {len(labels)} faces"
        )
    report = compute_report(
        predictions,
        model_facts(card),
        data_facts(manifest, layout.name, split, predictions),
        command_of(str(checkpoint), dataset, split, device),
    )
    return Evaluation(report, predictions)


def command_of(checkpoint: str, dataset: str, split: str, device: str) -> str:
    """The command that gives the report again."""
    words = ["faceage", "evaluate", checkpoint, dataset, "--split", split]
    return shlex.join(words if device == "cpu" else [*words, "--device", device])


def _labels(layout: Layout, split: str) -> pa.Table:
    """What is known of the split's pictures, in the order of `FaceDataset`."""
    tables = []
    for part in layout.parts(split):
        with layout.open(part) as file:
            tables.append(file.read(["age_years", "gender", "race", "identity"]))
    return pa.concat_tables(tables)


def _said(job: _Job, progress: Progress) -> list[Mapping[str, Any]]:
    """What the workers return, in the order of the pictures."""
    starts = list(range(0, job.count, job.chunk))
    found, done = [], 0
    progress(done, job.count)
    try:
        for row in _mapped(job, starts).iter_rows():
            if row["code"]:
                raise _error(row["code"], row["message"])
            found.append(row)
            done += min(job.chunk, job.count - row["start"])
            progress(done, job.count)
    except RayError as lost:
        raise FaceageError(f"a worker was lost ({type(lost).__name__}); try again") from None
    return sorted(found, key=lambda row: int(row["start"]))


def _mapped(job: _Job, starts: list[int]) -> ray.data.Dataset:
    """The chunks, each read and estimated by one of the workers; a row for each."""
    gpu = job.options.device != "cpu"
    resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
    if gpu and not resources.get("GPU"):
        raise InvalidArgument(f"device {job.options.device}: Ray has no GPU here", field="device")
    most = int(resources.get("GPU" if gpu else "CPU", 1))
    with warnings.catch_warnings():
        # Ray 2.64 drops this way to limit restarts; 2.60 has no other, and its default is without
        # end, so that a worker that dies of what it reads would die for ever.
        warnings.simplefilter("ignore", RayDeprecationWarning)
        return ray.data.from_items(starts, override_num_blocks=len(starts)).map_batches(
            _Worker,
            fn_constructor_args=(job,),
            batch_size=1,
            compute=ActorPoolStrategy(size=max(1, min(most, len(starts)))),
            num_cpus=1,
            num_gpus=1 if gpu else None,
            max_restarts=0,
        )


class _Worker:
    """One process of Ray Data's pool; the model is loaded once."""

    def __init__(self, job: _Job) -> None:
        self._job = job
        self._error: FaceageError | None = None
        try:
            self._estimator = AgeEstimator(
                load_age_network(resolve(job.options), job.options), gender=None
            )
            self._faces = FaceDataset(
                job.source, job.split, size_px=job.size_px, center=job.center, races=()
            )
        except (FaceageError, OSError) as error:  # for the driver to tell
            self._error = _told(error)

    def __call__(self, batch: dict[str, NDArray[np.int64]]) -> dict[str, Any]:
        """One chunk, as one row: arrays travel as the bytes of float64."""
        (start,) = batch["item"].tolist()
        said: list[Attributes] = []
        try:
            if self._error is None:
                said = self._estimates(start)
        except (FaceageError, OSError) as error:
            self._error = _told(error)
        return {
            "start": [start],
            "code": [self._error.code if self._error else ""],
            "message": [self._error.message if self._error else ""],
            "bins": [np.array(said[0].age.ages if said else ()).tobytes()],
            "means": [np.array([one.age.mean for one in said]).tobytes()],
            "probabilities": [np.array([one.age.probabilities for one in said]).tobytes()],
            "gender": [[one.gender.label if one.gender else NOT_STATED for one in said]],
        }

    def _estimates(self, start: int) -> list[Attributes]:
        numbers = range(start, min(start + self._job.chunk, self._job.count))
        crops = np.stack([self._faces[number][0].permute(1, 2, 0).numpy() for number in numbers])
        return self._estimator.estimate({"age": crops})


def _predictions(said: list[Mapping[str, Any]], labels: pa.Table) -> AgePredictions:
    bins = np.frombuffer(said[0]["bins"])
    rows = np.concatenate([np.frombuffer(row["probabilities"]) for row in said])
    return AgePredictions(
        true_years=labels["age_years"].to_numpy().astype(np.float64),
        estimated_years=np.concatenate([np.frombuffer(row["means"]) for row in said]),
        bins_years=tuple(bins.tolist()),
        probabilities=rows.reshape(-1, len(bins)),
        gender=_words(labels, "gender"),
        estimated_gender=np.array([word for row in said for word in row["gender"]], dtype=np.str_),
        race=_words(labels, "race"),
        identity=_words(labels, "identity"),
    )


def _words(labels: pa.Table, column: str) -> NDArray[np.str_]:
    return np.array([word or NOT_STATED for word in labels[column].to_pylist()], dtype=np.str_)


def _told(error: FaceageError | OSError) -> FaceageError:
    if isinstance(error, FaceageError):
        return error
    return StorageError(f"a worker cannot read or write: {error.strerror or error}")


def _error(code: str, message: str) -> FaceageError:
    """A worker's error, as if it had been raised here."""
    kinds = {kind.code: kind for kind in _tree(FaceageError)}
    return kinds.get(code, FaceageError)(message)


def _tree(kind: type[FaceageError]) -> Iterator[type[FaceageError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)
