"""Train an age model with Ray Train, on one core or on a cluster of GPUs.

    python -m trainers.train --config trainers/recipes/utkface_cpu.yaml data.sources=prepared/utk

The same as `faceage train utkface_cpu data.sources=prepared/utk`. Ray Train runs `trainers.worker`
on every core or GPU; this module checks the recipe before any worker starts.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ray.train import Checkpoint, CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer
from ray.train.v2.api.exceptions import TrainingFailedError, WorkerGroupError
from ray.train.v2.api.result import Result

from faceage_core.errors import FaceageError, TrainingFailed, first_line
from faceage_core.models.onnx_checkpoint import add_onnx
from trainers import worker
from trainers.preflight import check_cluster, check_recipe
from trainers.progress import LogFn, StepProgress, progress_callback
from trainers.ray_session import ray_session
from trainers.recipe import Recipe
from trainers.resume_state import MODEL_FOLDER, PROGRESS_FILE, RESUME_FOLDER, parse_progress
from trainers.run_folder import RunFolder, resume_digest


@dataclass(frozen=True)
class TrainingResult:
    """The result of `train`.

    Attributes:
        best: the metrics of the epoch with the lowest validation MAE.
        history: the metrics of each epoch.
        out: the run's folder, with best/ and last/.
    """

    best: dict[str, Any]
    history: list[dict[str, Any]]
    out: str


def train(
    recipe: Recipe,
    out: str,
    *,
    address: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    log: LogFn = print,
) -> TrainingResult:
    """Train by a recipe.

    Args:
        recipe: what to train.
        out: the run's folder: a path or a URI that all workers can reach.
        address: of a Ray cluster; None uses this machine.
        resume: continue the run in `out`.
        overwrite: replace the run in `out`.
        log: called with each line.

    Raises:
        InvalidArgument: the recipe cannot be run; the error names the field.
        InvalidDataset: a data set is missing or damaged.
        WeightsUnavailable, WeightsMismatch: the initial weights cannot be used.
        TrainingFailed: it diverged, or workers were lost more often than allowed.
    """
    recipe = with_absolute_paths(recipe)
    check_recipe(recipe, log, local=address is None)
    folder = RunFolder.prepare(out, recipe, resume=resume, overwrite=overwrite)
    with ray_session(address):
        check_cluster(recipe)
        with progress_callback(log) as callback:
            result = fit(recipe, folder, callback, step_progress=callback.step_progress)
    return TrainingResult(_best(result)[1], publish_checkpoints(result, folder), out)


def fit(
    recipe: Recipe,
    folder: RunFolder,
    *callbacks: Any,
    step_progress: StepProgress | None = None,
) -> Result:
    """Run Ray Train in the connected Ray; a run that the folder contains is resumed.

    Args:
        recipe: what to train.
        folder: of the run.
        callbacks: Ray Train's, for the controller.
        step_progress: called by the first worker after every step.

    Raises:
        TrainingFailed: the message contains the first cause.
    """
    recipe = with_absolute_paths(recipe)
    workers = recipe.workers
    trainer = TorchTrainer(
        worker.train_loop_per_worker,  # type: ignore[arg-type]  # it returns an error message
        train_loop_config={
            "recipe": recipe.model_dump(mode="json"),
            "digest": resume_digest(recipe),
            "tensorboard": folder.folder.child("tensorboard"),
            "step_progress": step_progress,
        },
        scaling_config=ScalingConfig(
            num_workers=workers.count,  # type: ignore[arg-type]  # a range makes it elastic
            use_gpu=workers.gpu,
            resources_per_worker=workers.resources,
            label_selector=workers.labels or None,  # type: ignore[call-arg]  # of Train V2
        ),
        run_config=RunConfig(
            name=folder.name,
            storage_path=folder.parent,
            storage_filesystem=folder.folder.filesystem,
            failure_config=FailureConfig(max_failures=workers.max_failures),
            checkpoint_config=CheckpointConfig(
                num_to_keep=1, checkpoint_score_attribute="val_mae", checkpoint_score_order="min"
            ),
            callbacks=list(callbacks),
            worker_runtime_env={"env_vars": worker.MALLOC_VARIABLES},  # type: ignore[call-arg]  # V2
        ),
    )
    try:
        result = cast(Result, trainer.fit())
    except TrainingFailedError as error:
        raise TrainingFailed(f"the training failed: {_first_cause(error)}") from error
    if result.return_value is not None:
        raise TrainingFailed(str(result.return_value))
    return result


def with_absolute_paths(recipe: Recipe) -> Recipe:
    """The recipe with absolute paths, because workers run in other directories."""
    sources = tuple(
        source if "://" in source else str(Path(source).absolute())
        for source in recipe.data.sources
    )
    weights = recipe.network.weights
    if Path(weights).exists():
        weights = str(Path(weights).absolute())
    return recipe.model_copy(
        update={
            "data": recipe.data.model_copy(update={"sources": sources}),
            "network": recipe.network.model_copy(update={"weights": weights}),
        }
    )


def publish_checkpoints(result: Result, folder: RunFolder) -> list[dict[str, Any]]:
    """Export the checkpoints to best/ and last/, write the history, and return it."""
    assert result.checkpoint is not None
    for name, checkpoint in (("best", _best(result)[0]), ("last", result.checkpoint)):
        with checkpoint.as_directory() as directory:
            local = Path(directory) / MODEL_FOLDER
            add_onnx(local)
            folder.publish(name, local)
    history = _history(result.checkpoint)
    folder.write_history(history)
    return history


def _best(result: Result) -> tuple[Checkpoint, dict[str, Any]]:
    assert result.best_checkpoints
    return min(result.best_checkpoints, key=lambda pair: float(pair[1]["val_mae"]))


def _history(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    assert checkpoint.filesystem is not None
    path = f"{checkpoint.path}/{RESUME_FOLDER}/{PROGRESS_FILE}"
    with checkpoint.filesystem.open_input_file(path) as file:
        return parse_progress(file.readall()).history


def _first_cause(error: TrainingFailedError) -> str:
    failures = error.worker_failures if isinstance(error, WorkerGroupError) else {}
    for failure in failures.values():
        cause = getattr(failure, "cause", failure)
        if isinstance(cause, FaceageError):
            return cause.message
        return f"{type(cause).__name__}: {first_line(cause)}"
    return first_line(error)
