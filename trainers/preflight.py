"""Checks before a training starts any worker."""

import psutil
import ray
import torch

from faceage_core.errors import InvalidArgument
from faceage_core.models.age_network import AgeNetwork
from trainers.data_sources import all_race_words, common_crop, find_sources
from trainers.network_cost import NetworkCost, measure_cost
from trainers.precision import check_cpu_precision, float_format
from trainers.pretrained import initialise
from trainers.progress import LogFn
from trainers.recipe import Recipe


def check_recipe(recipe: Recipe, log: LogFn, *, local: bool) -> None:
    """Check a recipe against its data, weights and memory, and log what will be trained.

    Args:
        recipe: with absolute paths.
        log: called with each line.
        local: whether the workers will run on this machine.

    Raises:
        InvalidArgument: the recipe cannot be run; the error names the field.
        InvalidDataset: a data set is missing or damaged.
        WeightsUnavailable, WeightsMismatch: the initial weights cannot be used.
    """
    sources = find_sources(recipe.data)
    common_crop(sources, recipe.data, recipe.input.side_px)
    for source in sources:
        stored_px = source.manifest.options.size_px
        if stored_px and stored_px < recipe.input.side_px:
            log(
                f"note: {source.location} contains images of {stored_px} px, which are enlarged to "
                f"{recipe.input.side_px} px"
            )
    race = next((head for head in recipe.network.heads if head.task == "race"), None)
    if race is not None and race.outputs != len(words := all_race_words(sources)):
        raise InvalidArgument(
            f"the race head has {race.outputs} outputs, but the data has {len(words)} values: "
            f"{', '.join(words)}",
            field="network.heads",
        )
    network = AgeNetwork(recipe.network.backbone, recipe.network.heads)
    initialise(network, recipe.network.backbone, recipe.network.weights)
    if recipe.network.freeze_backbone:
        network.backbone.requires_grad_(False)
    cost = _network_cost(network, recipe)
    images = sum(source.manifest.splits[s] for source in sources for s in recipe.data.train)
    log(f"{recipe.name}: {recipe.network.backbone} at {recipe.input.side_px} px, {cost}")
    log(f"{min(images, recipe.data.limit or images)} training images")
    if local and not recipe.workers.gpu:  # the memory of GPUs and of other nodes is unknown here
        check_cpu_precision(recipe.precision)
        averaged = recipe.optimizer.ema_decay is not None
        _check_memory(recipe, cost.step_bytes(_images_per_pass(recipe), averaged=averaged))


def check_cluster(recipe: Recipe) -> None:
    """Check that the connected Ray cluster has the resources for the workers.

    Raises:
        InvalidArgument: it has fewer.
    """
    least = recipe.workers.least
    available = ray.cluster_resources()  # type: ignore[no-untyped-call]
    for resource, per_worker in recipe.workers.resources.items():
        if least * per_worker > available.get(resource, 0):
            raise InvalidArgument(
                f"{least} workers need {least * per_worker:.0f} {resource}s, but the cluster has "
                f"{available.get(resource, 0):.0f}",
                field="workers.count",
            )


def _network_cost(network: AgeNetwork, recipe: Recipe) -> NetworkCost:
    try:
        for side_px in {side for _, side in recipe.input.first_sizes}:
            measure_cost(network, side_px)
        return measure_cost(network, recipe.input.side_px)
    except RuntimeError:  # PyTorch: the pooling window is larger than the feature map
        raise InvalidArgument(
            f"images of {recipe.input.side_px} px, or those of the first epochs, are too small "
            f"for {recipe.network.backbone}",
            field="input.size_px",
        ) from None


def _images_per_pass(recipe: Recipe) -> int:
    """Images that one worker passes through the network at once."""
    workers = recipe.workers.least
    return -(-recipe.batch_size // workers // recipe.optimizer.accumulate)


def _check_memory(recipe: Recipe, step_bytes: int) -> None:
    workers = recipe.workers.least
    divisor = 1 if float_format(recipe.precision, torch.device("cpu")) == "fp32" else 2
    needed, free = workers * step_bytes // divisor, psutil.virtual_memory().available
    if needed > free:
        raise InvalidArgument(
            f"batch_size {recipe.batch_size} needs about {needed / 1e9:.0f} GB for {workers} "
            f"workers, but {free / 1e9:.0f} GB are free: lower it, or raise optimizer.accumulate",
            field="batch_size",
        )
