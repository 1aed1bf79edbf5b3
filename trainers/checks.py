"""What can be known of a training before any worker starts."""

import psutil
import ray
import torch

from faceage_core.errors import InvalidArgument
from faceage_core.models.age_network import AgeNetwork
from trainers.cost import Cost, measure
from trainers.dataset import common_crop, find_sources, race_words_of
from trainers.precision import arithmetic, check_processor
from trainers.pretrained import initialise
from trainers.progress import Say
from trainers.recipe import Recipe


def check(recipe: Recipe, say: Say, *, local: bool) -> None:
    """All that can be known before Ray is asked, and a few lines on what will be trained.

    Args:
        recipe: with absolute paths.
        say: gets a line for each thing worth telling.
        local: whether the workers will be on this machine.

    Raises:
        InvalidArgument: the recipe asks for what there is not; the message names the field.
        InvalidDataset: a data set is missing or damaged.
        WeightsUnavailable, WeightsMismatch: of the initial weights.
    """
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
        check_processor(recipe.precision)
        averaged = recipe.optimizer.ema_decay is not None
        _check_memory(recipe, cost.step_bytes(_pictures_at_once(recipe), averaged=averaged))


def check_cluster(recipe: Recipe) -> None:
    """Whether the Ray that is there has room for the workers.

    Raises:
        InvalidArgument: it has not.
    """
    least = recipe.workers.least
    there = ray.cluster_resources()  # type: ignore[no-untyped-call]
    for resource, each in recipe.workers.resources.items():
        if least * each > there.get(resource, 0):
            raise InvalidArgument(
                f"{least} workers need {least * each:.0f} {resource}s, and there are "
                f"{there.get(resource, 0):.0f}",
                field="workers.count",
            )


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
    halved = 1 if arithmetic(recipe.precision, torch.device("cpu")) == "fp32" else 2
    needed, free = workers * step_bytes // halved, psutil.virtual_memory().available
    if needed > free:
        raise InvalidArgument(
            f"batch_size {recipe.batch_size} needs about {needed / 1e9:.0f} GB on {workers} "
            f"workers, {free / 1e9:.0f} GB are free: lower it, or raise optimizer.accumulate",
            field="batch_size",
        )
