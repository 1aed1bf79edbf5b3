"""The network that one worker trains, with its moving average and its distributed wrapper."""

from dataclasses import dataclass
from typing import Any

import ray.train.torch
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from faceage_core.models.age_network import AgeNetwork
from trainers.pretrained import Origin, initialise
from trainers.recipe import Recipe
from trainers.weight_averaging import exponential_moving_average


@dataclass(frozen=True)
class TrainableModel:
    """One network and what is derived from it.

    Attributes:
        network: whose weights are trained.
        average: the moving average of its weights, if the recipe has one.
        distributed: the network in DistributedDataParallel, or itself with one worker.
        forward: `distributed`, compiled if the recipe says so.
        origin: of the initial weights.
    """

    network: AgeNetwork
    average: AveragedModel | None
    distributed: Any
    forward: Any
    origin: Origin

    @property
    def evaluated(self) -> AgeNetwork:
        """The network that is validated and saved: the average if there is one."""
        module = self.network if self.average is None else self.average.module
        assert isinstance(module, AgeNetwork)
        return module


def build_model(recipe: Recipe, device: torch.device, mean_age_years: float) -> TrainableModel:
    """Build the network with its initial weights, the same on every worker.

    Args:
        recipe: resolved.
        device: of this worker.
        mean_age_years: of the training images; the initial output of an age head that predicts
            years directly.
    """
    torch.manual_seed(recipe.seed)
    network = AgeNetwork(recipe.network.backbone, recipe.network.heads)
    if recipe.network.age_outputs == 1:
        _set_initial_age(network, mean_age_years)
    origin = initialise(network, recipe.network.backbone, recipe.network.weights)
    if recipe.network.freeze_backbone:
        network.backbone.requires_grad_(False)
    if recipe.channels_last:
        network.to(memory_format=torch.channels_last)
    network = network.to(device)
    average: AveragedModel | None = None
    if recipe.optimizer.ema_decay is not None:
        average = exponential_moving_average(network, recipe.optimizer.ema_decay)
    distributed: Any = ray.train.torch.prepare_model(network)
    forward = torch.compile(distributed) if recipe.compile else distributed
    return TrainableModel(network, average, distributed, forward, origin)


def _set_initial_age(network: AgeNetwork, years: float) -> None:
    """Set the bias of the age head's last layer, so that training does not start at age 0."""
    last = [module for module in network.heads["age"].modules() if isinstance(module, nn.Linear)]
    nn.init.constant_(last[-1].bias, years)
