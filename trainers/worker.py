"""The function that Ray Train runs in each worker, one worker per core or GPU."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ray.train
import ray.train.torch
import torch

from faceage_core.errors import InvalidDataset, TrainingFailed
from trainers.recipe import Recipe
from trainers.resume_state import RESUME_FOLDER
from trainers.samplers import WorkerRank
from trainers.tensorboard import TensorBoardWriter
from trainers.training_loop import TrainingLoop

# Ray Train runs the function in a thread, and glibc returns memory that a thread frees to the
# system: with large tensors, at 128 pixels, this cost a tenth of the speed (`benchmarks.train`).
# With a single arena that keeps its memory, each step reuses the memory of the one before.
MALLOC_VARIABLES = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),  # the maximum that glibc allows
    "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
}


def train_loop_per_worker(config: dict[str, Any]) -> str | None:
    """Train as one of the workers.

    Args:
        config: "recipe": the resolved recipe as a dict; "digest": of the keys that may not change
            when it is resumed; "tensorboard": the folder for TensorBoard's files;
            "step_progress": a StepProgress, or None.

    Returns:
        The error message if training cannot continue: after an exception Ray Train would retry.
    """
    recipe = Recipe.model_validate(config["recipe"])
    torch.set_num_threads(recipe.workers.cpus)
    context = ray.train.get_context()
    worker = WorkerRank(context.get_world_rank(), context.get_world_size())
    try:
        loop = TrainingLoop(recipe, config["digest"], worker, ray.train.torch.get_device())
    except InvalidDataset as error:  # every worker, and every replacement, would fail the same way
        return error.message
    is_first = worker.rank == 0
    writer = TensorBoardWriter(config["tensorboard"]) if is_first else None
    on_step = config["step_progress"] if is_first else None
    if (checkpoint := ray.train.get_checkpoint()) is not None:
        with checkpoint.as_directory() as directory:
            loop.restore(Path(directory) / RESUME_FOLDER)
    while not loop.done:
        try:
            metrics = loop.run_epoch(on_step)
        except TrainingFailed as error:
            return error.message
        if writer is not None:
            writer.add_epoch(metrics, loop.samples(recipe.sample_faces))
            with TemporaryDirectory() as folder:
                loop.save(Path(folder), metrics)
                ray.train.report(metrics, ray.train.Checkpoint.from_directory(folder))
        else:
            ray.train.report(metrics)
    return None
