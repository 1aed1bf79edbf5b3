"""The optimizer, and its learning rate as a function of the step."""

import math

import torch
from torch import nn

from trainers.recipe import OptimizerRecipe

# The defaults of torch's OneCycleLR.
_ONECYCLE_RISE, _ONECYCLE_FIRST, _ONECYCLE_LAST = 0.3, 1 / 25, 1 / 25 / 1e4


def build_optimizer(network: nn.Module, recipe: OptimizerRecipe) -> torch.optim.Optimizer:
    """An optimizer of the network's trainable parameters."""
    trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]
    match recipe.name:
        case "sgd":
            return torch.optim.SGD(
                trainable, recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
            )
        case "adamw":
            return torch.optim.AdamW(trainable, recipe.lr, weight_decay=recipe.weight_decay)
        case "adam":
            return torch.optim.Adam(trainable, recipe.lr, weight_decay=recipe.weight_decay)


def learning_rate(recipe: OptimizerRecipe, step: int, steps: int, steps_per_epoch: int) -> float:
    """The learning rate of one step.

    Args:
        recipe: with the schedule.
        step: from 0, over the whole training.
        steps: of the whole training, without early stopping.
        steps_per_epoch: warm-up is given in epochs.
    """
    warmup = round(recipe.warmup_epochs * steps_per_epoch)
    if step < warmup:
        return recipe.lr * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup - 1)
    return recipe.lr * _schedule_factor(recipe.schedule, min(done, 1.0))


def _schedule_factor(schedule: str, done: float) -> float:
    """The learning rate relative to the recipe's, when a fraction `done` of the steps is over."""
    match schedule:
        case "cosine":
            return _cosine(1.0, 0.0, done)
        case "onecycle" if done < _ONECYCLE_RISE:
            return _cosine(_ONECYCLE_FIRST, 1.0, done / _ONECYCLE_RISE)
        case "onecycle":
            return _cosine(1.0, _ONECYCLE_LAST, (done - _ONECYCLE_RISE) / (1 - _ONECYCLE_RISE))
        case _:
            return 1.0


def _cosine(start: float, end: float, done: float) -> float:
    """Half a period of a cosine, from start at 0 to end at 1."""
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2
