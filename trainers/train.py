"""Train an age model, on one core or on a cluster of GPUs.

    python -m trainers.train --config trainers/recipes/utkface_cpu.yaml data.sources=prepared/utk

The same as `faceage train utkface_cpu data.sources=prepared/utk`. Ray Train runs one worker a core
or GPU (`trainers.worker`); this module checks what can be checked before any of them starts.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psutil
import ray
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

from faceage_core.architectures import AgeNetwork
from faceage_core.errors import FaceageError, InvalidArgument, TrainingFailed
from faceage_core.initial_weights import initialise
from trainers import worker
from trainers.cost import Cost, measure
from trainers.dataset import common_crop, find_sources, race_words_of
from trainers.progress import Say, narrated
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
    recipe = _resolved(recipe)
    _check(recipe, say, local=address is None)
    folder = RunFolder.prepare(out, recipe, resume=resume, overwrite=overwrite)
    with ray_session(address):
        _check_cluster(recipe)
        with narrated(say) as narrator:
            result = fit(recipe, folder, narrator)
    return _published(result, folder, out)


def fit(recipe: Recipe, folder: RunFolder, *callbacks: Any) -> Result:
    """Run Ray Train, in a Ray that is there; a run that is in the folder is resumed.

    Raises:
        TrainingFailed: the message has the first cause.
    """
    recipe = _resolved(recipe)
    workers = recipe.workers
    trainer = TorchTrainer(
        worker.train,  # type: ignore[arg-type]  # returns why it failed
        train_loop_config={
            "recipe": recipe.model_dump(mode="json"),
            "digest": digest_of(recipe),
            "board": folder.folder.child("tensorboard"),
        },
        scaling_config=ScalingConfig(
            num_workers=workers.count,  # type: ignore[arg-type]  # a range makes it elastic
            use_gpu=workers.gpu,
            resources_per_worker={"CPU": workers.cpus} | ({"GPU": 1} if workers.gpu else {}),
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
        ),
    )
    try:
        result = cast(Result, trainer.fit())
    except TrainingFailedError as error:
        raise TrainingFailed(f"the training failed: {_cause(error)}") from error
    if result.return_value is not None:
        raise TrainingFailed(str(result.return_value))
    return result


def _resolved(recipe: Recipe) -> Recipe:
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


def _check(recipe: Recipe, say: Say, *, local: bool) -> None:
    """All that can be known before a worker starts."""
    sources = find_sources(recipe.data)
    common_crop(sources, recipe.data, recipe.input.side_px)
    for source in sources:
        stored = source.manifest.options.size_px
        if stored and stored < recipe.input.side_px:
            say(
                f"note: {source.location} holds pictures of {stored} px, which are enlarged to "
                f"{recipe.input.side_px}"
            )
    race = next((head for head in recipe.network.heads if head.task == "race"), None)
    if race is not None and race.outputs != len(words := race_words_of(recipe.data)):
        raise InvalidArgument(
            f"the race head has {race.outputs} outputs, the data {len(words)} words: "
            f"{', '.join(words)}",
            field="network.heads",
        )
    network = AgeNetwork(recipe.network.backbone, recipe.network.heads)
    initialise(network, recipe.network.backbone, recipe.network.weights)
    if recipe.network.freeze_backbone:
        network.backbone.requires_grad_(False)
    cost = _cost(network, recipe)
    pictures = sum(source.manifest.splits[s] for source in sources for s in recipe.data.train)
    say(f"{recipe.name}: {recipe.network.backbone} at {recipe.input.side_px} px, {cost}")
    say(f"{min(pictures, recipe.data.limit or pictures)} pictures to train on")
    if local and not recipe.workers.gpu:  # of a cluster's nodes and of GPUs nothing is known here
        averaged = recipe.optimizer.ema_decay is not None
        _check_memory(recipe, cost.step_bytes(_pictures_at_once(recipe), averaged=averaged))


def _cost(network: AgeNetwork, recipe: Recipe) -> Cost:
    try:
        for side_px in {side for _, side in recipe.input.first_sizes}:
            measure(network, side_px)
        return measure(network, recipe.input.side_px)
    except RuntimeError:  # PyTorch's word for more pooling than there are pixels
        raise InvalidArgument(
            f"pictures of {recipe.input.side_px} px, or those of the first epochs, are too small "
            f"for {recipe.network.backbone}",
            field="input.size_px",
        ) from None


def _pictures_at_once(recipe: Recipe) -> int:
    workers = recipe.workers.least
    return -(-recipe.batch_size // workers // recipe.optimizer.accumulate)


def _check_memory(recipe: Recipe, step_bytes: int) -> None:
    workers = recipe.workers.least
    halved = 2 if recipe.precision == "bf16" else 1
    needed, free = workers * step_bytes // halved, psutil.virtual_memory().available
    if needed > free:
        raise InvalidArgument(
            f"batch_size {recipe.batch_size} needs about {needed / 1e9:.0f} GB on {workers} "
            f"workers, {free / 1e9:.0f} GB are free: lower it, or raise optimizer.accumulate",
            field="batch_size",
        )


def _check_cluster(recipe: Recipe) -> None:
    least = recipe.workers.least
    resources = ray.cluster_resources()  # type: ignore[no-untyped-call]
    for resource, each in (("CPU", recipe.workers.cpus), ("GPU", int(recipe.workers.gpu))):
        there = resources.get(resource, 0)
        if least * each > there:
            raise InvalidArgument(
                f"{least} workers need {least * each} {resource}s, and there are {there:.0f}",
                field="workers.count",
            )


def _published(result: Result, folder: RunFolder, out: str) -> Trained:
    assert result.checkpoint is not None
    assert result.best_checkpoints
    best, metrics = min(result.best_checkpoints, key=lambda kept: float(kept[1]["val_mae"]))
    for name, checkpoint in (("best", best), ("last", result.checkpoint)):
        _publish(folder, name, checkpoint)
    history = _history(result.checkpoint)
    folder.write_history(history)
    return Trained(metrics, history, out)


def _publish(folder: RunFolder, name: str, checkpoint: Checkpoint) -> None:
    folder.publish(name, checkpoint.filesystem, f"{checkpoint.path}/{MODEL}")


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


if __name__ == "__main__":
    from trainers.train_cli import main

    main()
