"""Train an age model, on one core or on a cluster of GPUs.

    python -m trainers.train --config trainers/recipes/utkface_cpu.yaml data.sources=prepared/utk

The same as `faceage train utkface_cpu data.sources=prepared/utk`. Ray Train runs one worker a core
or GPU (`trainers.worker`); this module checks what can be checked before any of them starts.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ray.train import (
    Checkpoint,
    CheckpointConfig,
    FailureConfig,
    RunConfig,
    ScalingConfig,
)
from ray.train.torch import TorchTrainer
from ray.train.v2.api.exceptions import TrainingFailedError, WorkerGroupError
from ray.train.v2.api.result import Result

from faceage_core.errors import FaceageError, TrainingFailed
from trainers import worker
from trainers.checks import check, check_cluster
from trainers.progress import Pace, Say, narrated
from trainers.recipe import Recipe
from trainers.run_folder import RunFolder, digest_of
from trainers.session import ray_session
from trainers.state import MODEL, RESUME, read_progress


@dataclass(frozen=True)
class Trained:
    """The outcome of `train`.

    Attributes:
        best: what the epoch with the lowest validation MAE reported.
        history: what each epoch reported.
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
    say: Say = print,
) -> Trained:
    """Run a recipe.

    Args:
        recipe: what to do.
        out: the run's folder: a path or a URI that all workers reach.
        address: of a Ray cluster; None uses this machine.
        resume: go on with the run that is there.
        overwrite: replace the run that is there.
        say: gets a line for each thing worth telling.

    Raises:
        InvalidArgument: the recipe asks for what there is not; the message names the field.
        InvalidDataset: a data set is missing or damaged.
        WeightsUnavailable, WeightsMismatch: of the initial weights.
        TrainingFailed: it diverged, or workers were lost more often than allowed.
    """
    recipe = resolved(recipe)
    check(recipe, say, local=address is None)
    folder = RunFolder.prepare(out, recipe, resume=resume, overwrite=overwrite)
    with ray_session(address):
        check_cluster(recipe)
        with narrated(say) as narrator:
            result = fit(recipe, folder, narrator, pace=narrator.pace)
    return Trained(_best(result)[1], publish(result, folder), out)


def fit(recipe: Recipe, folder: RunFolder, *callbacks: Any, pace: Pace | None = None) -> Result:
    """Run Ray Train, in a Ray that is there; a run that is in the folder is resumed.

    Args:
        recipe: what to do.
        folder: the run's.
        callbacks: Ray Train's, for the controller.
        pace: told of every step by one worker.

    Raises:
        TrainingFailed: the message has the first cause.
    """
    recipe = resolved(recipe)
    workers = recipe.workers
    trainer = TorchTrainer(
        worker.train,  # type: ignore[arg-type]  # returns why it failed
        train_loop_config={
            "recipe": recipe.model_dump(mode="json"),
            "digest": digest_of(recipe),
            "board": folder.folder.child("tensorboard"),
            "pace": pace,
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
            worker_runtime_env={"env_vars": worker.MEMORY_KEPT},  # type: ignore[call-arg]  # V2
        ),
    )
    try:
        result = cast(Result, trainer.fit())
    except TrainingFailedError as error:
        raise TrainingFailed(f"the training failed: {_cause(error)}") from error
    if result.return_value is not None:
        raise TrainingFailed(str(result.return_value))
    return result


def resolved(recipe: Recipe) -> Recipe:
    """With absolute paths: workers run in other directories."""
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


def publish(result: Result, folder: RunFolder) -> list[dict[str, Any]]:
    """Write what a run came to where people look for it; what each epoch reported."""
    assert result.checkpoint is not None
    for name, checkpoint in (("best", _best(result)[0]), ("last", result.checkpoint)):
        folder.publish(name, checkpoint.filesystem, f"{checkpoint.path}/{MODEL}")
    history = _history(result.checkpoint)
    folder.write_history(history)
    return history


def _best(result: Result) -> tuple[Checkpoint, dict[str, Any]]:
    assert result.best_checkpoints
    return min(result.best_checkpoints, key=lambda kept: float(kept[1]["val_mae"]))


def _history(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    assert checkpoint.filesystem is not None
    with checkpoint.filesystem.open_input_file(f"{checkpoint.path}/{RESUME}/state.json") as file:
        return read_progress(file.readall()).history


def _cause(error: TrainingFailedError) -> str:
    failures = error.worker_failures if isinstance(error, WorkerGroupError) else {}
    for failure in failures.values():
        cause = getattr(failure, "cause", failure)
        if isinstance(cause, FaceageError):
            return cause.message
        return f"{type(cause).__name__}: {str(cause).strip().partition(chr(10))[0]}"
    return str(error).strip().partition("\n")[0]
