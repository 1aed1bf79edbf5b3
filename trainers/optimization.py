"""The optimizer, and its learning rate as a function of the step."""

import math

import torch
from torch import nn

from trainers.recipe import OptimizerRecipe

_ONECYCLE_RISE, _ONECYCLE_FIRST, _ONECYCLE_LAST = 0.3, 1 / 25, 1 / 25 / 1e4  # as torch's OneCycleLR


def build_optimizer(network: nn.Module, recipe: OptimizerRecipe) -> torch.optim.Optimizer:
    """Over the parameters that are trained."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    match recipe.name:
        case "sgd":
            return torch.optim.SGD(
                trained, recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
            )
        case "adamw":
            return torch.optim.AdamW(trained, recipe.lr, weight_decay=recipe.weight_decay)
        case "adam":
            return torch.optim.Adam(trained, recipe.lr, weight_decay=recipe.weight_decay)


def learning_rate(recipe: OptimizerRecipe, step: int, steps: int, steps_per_epoch: int) -> float:
    """The rate of one step.

    Args:
        recipe: its schedule.
        step: from 0, over the whole training.
        steps: of the whole training, as if it were not stopped early.
        steps_per_epoch: for the warm-up, which counts epochs.
    """
    warmup = round(recipe.warmup_epochs * steps_per_epoch)
    if step < warmup:
        return recipe.lr * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup - 1)
    return recipe.lr * _factor(recipe.schedule, min(done, 1.0))


def _factor(schedule: str, done: float) -> float:
    match schedule:
        case "cosine":
            return _between(1.0, 0.0, done)
        case "onecycle" if done < _ONECYCLE_RISE:
            return _between(_ONECYCLE_FIRST, 1.0, done / _ONECYCLE_RISE)
        case "onecycle":
            return _between(1.0, _ONECYCLE_LAST, (done - _ONECYCLE_RISE) / (1 - _ONECYCLE_RISE))
        case _:
            return 1.0


def _between(start: float, end: float, done: float) -> float:
    """Half a cosine from start to end."""
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2
