"""The average of the weights over the last steps, which is better than those of any one step."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """An exponential moving average of a network and its normalisations' statistics.

    It remembers less at first, (1 + n) / (10 + n) after n steps, so that the random weights of the
    beginning are soon forgotten.

    Args:
        network: whose weights are averaged whenever `update_parameters` is called.
        decay: how much of the average stays at each step, once there were enough.
    """

    @torch.no_grad()
    def update(averages: Tensors, values: Tensors, steps: Tensor | int) -> None:
        if not averages[0].is_floating_point():  # a counter
            torch._foreach_copy_(averages, values)
            return
        kept = min(decay, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(averages, values, 1 - kept)

    return AveragedModel(network, multi_avg_fn=update, use_buffers=True)
