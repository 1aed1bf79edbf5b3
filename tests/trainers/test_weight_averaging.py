"""The moving average of the weights."""

import pytest
import torch
from torch import nn

from trainers.weight_averaging import exponential_moving_average


def test_the_average_forgets_the_initial_weights_and_then_moves_slowly() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = exponential_moving_average(network, 0.9)
    values = []
    for step in range(200):
        nn.init.constant_(network.weight, 0.0 if step == 0 else 1.0)
        average.update_parameters(network)
        values.append(average.module.get_parameter("weight").item())
    assert values[0] == 0.0
    assert values[1] == pytest.approx(1 - 2 / 11)
    assert values[-1] == pytest.approx(1.0, abs=1e-6)
    nn.init.constant_(network.weight, 2.0)
    average.update_parameters(network)
    assert average.module.get_parameter("weight").item() == pytest.approx(1.1, abs=1e-5)


def test_the_average_copies_counters() -> None:
    network = nn.BatchNorm1d(2)
    average = exponential_moving_average(network, 0.9)
    for _ in range(3):
        network(torch.randn(4, 2))
        average.update_parameters(network)
    assert average.module.get_buffer("num_batches_tracked").item() == 3
