"""What each worker of a training runs: Ray Train starts one on every core or GPU."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ray.train
import ray.train.torch
import torch

from faceage_core.errors import InvalidDataset, TrainingFailed
from trainers.loop import Training
from trainers.recipe import Recipe
from trainers.samplers import Share
from trainers.state import RESUME
from trainers.tensorboard import Board

# Ray Train runs the loop in a thread, and what a thread frees glibc gives back to the system: with
# large tensors, at 128 pixels, that took a tenth of the speed (`benchmarks.train`). From the one
# arena that is kept, a step gets what the last one freed.
MEMORY_KEPT = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),  # the most that glibc allows
    "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1),
}


def train(config: dict[str, Any]) -> str | None:
    """Train one worker's share; the entry point for Ray Train.

    Args:
        config: "recipe": the resolved recipe as a dict; "digest": of what may not change when it
            is resumed; "board": the folder for TensorBoard's files; "pace": a Pace, or None.

    Returns:
        Why it cannot go on, if it cannot: an exception would have Ray Train try again.
    """
    recipe = Recipe.model_validate(config["recipe"])
    torch.set_num_threads(recipe.workers.cpus)
    context = ray.train.get_context()
    share = Share(context.get_world_rank(), context.get_world_size())
    try:
        training = Training(recipe, config["digest"], share, ray.train.torch.get_device())
    except InvalidDataset as error:  # for every worker, and for those that Ray would start anew
        return error.message
    first = share.rank == 0
    board, pace = (Board(config["board"]), config["pace"]) if first else (None, None)
    if (checkpoint := ray.train.get_checkpoint()) is not None:
        with checkpoint.as_directory() as directory:
            training.restore(Path(directory) / RESUME)
    while not training.done:
        try:
            metrics = training.epoch(pace)
        except TrainingFailed as error:
            return error.message
        if board is not None:
            board.add(metrics, training.samples(recipe.sample_faces))
            with TemporaryDirectory() as folder:
                training.save(Path(folder), metrics)
                ray.train.report(metrics, ray.train.Checkpoint.from_directory(folder))
        else:
            ray.train.report(metrics)
    return None
