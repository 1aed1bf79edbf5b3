"""Parameters, operations and memory, against values from the literature and by hand."""

import torch

from faceage_core.cards.model_card import HeadSpec
from faceage_core.models.age_network import AgeNetwork
from trainers.network_cost import NetworkCost, measure_cost


def test_the_cost_of_vgg16_is_the_published_one() -> None:
    network = AgeNetwork("vgg16", (HeadSpec(task="age", outputs=1),))
    network.backbone.requires_grad_(False)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    cost = measure_cost(network, 224)
    assert cost.parameters == 14_714_688 + 513
    assert cost.trainable == 513
    assert 30.6e9 < cost.flops < 30.8e9  # 15.3 G multiply-adds
    assert "14.7 M parameters, 0.0 M trainable; 30.6" in str(cost)
    after = network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_memory_grows_with_the_batch_and_the_weights() -> None:
    cost = NetworkCost(parameters=1000, trainable=100, flops=1, activation_bytes=50)
    assert cost.step_bytes(10, averaged=False) == 4 * (1000 + 300) + 500
    assert cost.step_bytes(10, averaged=True) == 4 * (2000 + 300) + 500


def test_activation_memory_is_close_to_the_size_of_the_layers_outputs() -> None:
    network = AgeNetwork("resnet18", (HeadSpec(task="age", outputs=101),))
    small, large = measure_cost(network, 64), measure_cost(network, 128)
    assert 3.5 < large.activation_bytes / small.activation_bytes < 4.5
    # The first convolution alone outputs 64 maps of 64x64 float32, saved two or three times.
    assert large.activation_bytes > 2 * 64 * 64 * 64 * 4
