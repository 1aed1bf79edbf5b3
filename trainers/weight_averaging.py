"""The exponential moving average of a network's weights, which predicts more accurately."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def exponential_moving_average(network: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of a network's parameters and buffers.

    After n steps the decay is at most (1 + n) / (10 + n), so that the random initial weights do
    not dominate the average for long.

    Args:
        network: its weights are added to the average by `update_parameters`.
        decay: the share of the average that remains at each step, 0 to 1.
    """

    @torch.no_grad()
    def update(averages: Tensors, values: Tensors, steps: Tensor | int) -> None:
        if not averages[0].is_floating_point():  # counters of batch normalisation
            torch._foreach_copy_(averages, values)
            return
        current_decay = min(decay, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(averages, values, 1 - current_decay)

    return AveragedModel(network, multi_avg_fn=update, use_buffers=True)
