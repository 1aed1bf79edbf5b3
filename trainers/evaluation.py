"""Evaluate an age checkpoint on one split of a prepared data set, on all cores of a cluster.

    faceage evaluate runs/best prepared/utkface --split val

The same as `python -m trainers.evaluate`.

Ray Data passes ranges of image numbers to a pool of workers. Each worker loads the model once, with
the code that serves it, and reads the images by number; it returns ages and distributions. So
evaluation, command line and service give the same numbers.
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import ray
from numpy.typing import NDArray

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
from trainers.actor_pool import ProgressFn, map_items
from trainers.ray_session import ray_session

DEFAULT_CHUNK = 64
DEVICES = ("cpu", "cuda")


@dataclass(frozen=True)
class Evaluation:
    """The result of `evaluate`: the report, and the predictions that it was computed from."""

    report: AgeReport
    predictions: AgePredictions


@dataclass(frozen=True)
class _Job:
    """The same for all workers.

    Attributes:
        options: the model.
        layout: the data set.
        split: one of its splits.
        count: the number of its images.
        chunk: images per unit of work.
        center: the middle part of an image's side that the model sees.
    """

    options: ModelOptions
    layout: Layout
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
    progress: ProgressFn = lambda done, total: None,
) -> Evaluation:
    """Evaluate a checkpoint.

    Args:
        checkpoint: its directory.
        dataset: the directory or URI of a prepared data set.
        split: one of its splits.
        address: of a Ray cluster whose machines can all reach checkpoint and data set; None starts
            Ray on this machine.
        device: where each worker runs the model: cpu, or cuda for one GPU per worker.
        chunk: images per unit of work; it does not depend on the number of workers, so that all
            machines of one kind compute the same numbers.
        progress: called as images are finished.

    Raises:
        InvalidCheckpoint: it is missing, damaged, not an age model, or returned NaN or infinity.
        InvalidDataset: it is missing, lacks the split, or has an image that cannot be decoded.
        InvalidArgument: its crop does not fit the model's, or the device is unavailable.
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
    job = _Job(options, layout, split, count=labels.num_rows, chunk=chunk, center=center)
    with ray_session(address):
        chunks = _estimate_chunks(job, progress)
    predictions = _predictions(chunks, labels)
    if invalid := int((~np.isfinite(predictions.probabilities).all(axis=1)).sum()):
        raise InvalidCheckpoint(
            f"{card.name} returned NaN or infinity for {invalid} of {len(labels)} faces"
        )
    report = compute_report(
        predictions,
        model_facts(card),
        data_facts(manifest, layout.name, split, predictions),
        evaluation_command(str(checkpoint), dataset, split, device),
    )
    return Evaluation(report, predictions)


def evaluation_command(checkpoint: str, dataset: str, split: str, device: str) -> str:
    """The command that produces the report again."""
    words = ["faceage", "evaluate", checkpoint, dataset, "--split", split]
    return shlex.join(words if device == "cpu" else [*words, "--device", device])


def _labels(layout: Layout, split: str) -> pa.Table:
    """The labels of the split's images, in the order of `FaceDataset`."""
    tables = []
    for part in layout.parts(split):
        with layout.open(part) as file:
            tables.append(file.read(["age_years", "gender", "race", "identity"]))
    return pa.concat_tables(tables)


def _estimate_chunks(job: _Job, progress: ProgressFn) -> list[Mapping[str, Any]]:
    """The rows that the workers return, in the order of the images."""
    gpu = job.options.device != "cpu"
    if gpu and not ray.cluster_resources().get("GPU"):  # type: ignore[no-untyped-call]
        raise InvalidArgument(
            f"device {job.options.device} is unavailable: Ray has no GPU", field="device"
        )
    starts = range(0, job.count, job.chunk)
    rows, done = [], 0
    progress(done, job.count)
    for row in map_items(_EstimatorActor, job, starts, gpu=gpu, retry_hint="try again"):
        if row["code"]:
            raise _rebuild_error(row["code"], row["message"])
        rows.append(row)
        done += min(job.chunk, job.count - row["start"])
        progress(done, job.count)
    return sorted(rows, key=lambda row: int(row["start"]))


class _EstimatorActor:
    """Estimates chunks in one process, which loads the model once."""

    def __init__(self, job: _Job) -> None:
        self._job = job
        self._error: FaceageError | None = None
        try:
            self._estimator = AgeEstimator(
                load_age_network(resolve(job.options), job.options), gender=None
            )
            self._faces = FaceDataset(
                job.layout, job.split, size_px=job.size_px, center=job.center, races=()
            )
        except (FaceageError, OSError) as error:  # the driver raises it
            self._error = _as_faceage_error(error)

    def __call__(self, batch: dict[str, NDArray[np.int64]]) -> dict[str, Any]:
        """Estimate one chunk; returns one row, whose arrays are the bytes of float64."""
        (start,) = batch["item"].tolist()
        estimates: list[Attributes] = []
        try:
            if self._error is None:
                estimates = self._estimate(start)
        except (FaceageError, OSError) as error:
            self._error = _as_faceage_error(error)
        ages = [estimate.age for estimate in estimates]
        return {
            "start": [start],
            "code": [self._error.code if self._error else ""],
            "message": [self._error.message if self._error else ""],
            "bins": [np.array(ages[0].ages if ages else ()).tobytes()],
            "means": [np.array([age.mean for age in ages]).tobytes()],
            "probabilities": [np.array([age.probabilities for age in ages]).tobytes()],
            "gender": [[one.gender.label if one.gender else NOT_STATED for one in estimates]],
        }

    def _estimate(self, start: int) -> list[Attributes]:
        numbers = range(start, min(start + self._job.chunk, self._job.count))
        crops = np.stack([self._faces[number][0].permute(1, 2, 0).numpy() for number in numbers])
        return self._estimator.estimate({"age": crops})


def _predictions(chunks: list[Mapping[str, Any]], labels: pa.Table) -> AgePredictions:
    bins = np.frombuffer(chunks[0]["bins"])
    rows = np.concatenate([np.frombuffer(chunk["probabilities"]) for chunk in chunks])
    genders = [word for chunk in chunks for word in chunk["gender"]]
    return AgePredictions(
        true_years=labels["age_years"].to_numpy().astype(np.float64),
        estimated_years=np.concatenate([np.frombuffer(chunk["means"]) for chunk in chunks]),
        bins_years=tuple(bins.tolist()),
        probabilities=rows.reshape(-1, len(bins)),
        gender=_words(labels, "gender"),
        estimated_gender=np.array(genders, dtype=np.str_),
        race=_words(labels, "race"),
        identity=_words(labels, "identity"),
    )


def _words(labels: pa.Table, column: str) -> NDArray[np.str_]:
    return np.array([word or NOT_STATED for word in labels[column].to_pylist()], dtype=np.str_)


def _as_faceage_error(error: FaceageError | OSError) -> FaceageError:
    if isinstance(error, FaceageError):
        return error
    return StorageError(f"a worker cannot read or write: {error.strerror or error}")


def _rebuild_error(code: str, message: str) -> FaceageError:
    """The error of a worker, in this process."""
    classes = {kind.code: kind for kind in _with_subclasses(FaceageError)}
    return classes.get(code, FaceageError)(message)


def _with_subclasses(kind: type[FaceageError]) -> Iterator[type[FaceageError]]:
    yield kind
    for subclass in kind.__subclasses__():
        yield from _with_subclasses(subclass)
