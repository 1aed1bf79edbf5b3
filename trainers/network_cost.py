"""The cost of a network: parameters, floating-point operations, and memory for a batch."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from faceage_core.models.age_network import AgeNetwork


@dataclass(frozen=True)
class NetworkCost:
    """The cost of one network at one image size.

    Attributes:
        parameters: the number of all parameters.
        trainable: the number of those that are trained.
        flops: of the forward pass of one image; a multiplication and an addition count as two.
        activation_bytes: memory that a training step keeps of one image for the backward pass, in
            float32.
    """

    parameters: int
    trainable: int
    flops: int
    activation_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.parameters / 1e6:.1f} M parameters, {self.trainable / 1e6:.1f} M trainable; "
            f"{self.flops / 1e9:.2f} GFLOPs per image"
        )

    def step_bytes(self, images: int, *, averaged: bool) -> int:
        """Memory of a training step on `images` images, in float32.

        It holds the weights, their average if `averaged`, gradients and two moments of the
        optimizer, and the activations.
        """
        copies = 1 + averaged
        return 4 * (copies * self.parameters + 3 * self.trainable) + images * self.activation_bytes


def measure_cost(network: AgeNetwork, side_px: int) -> NetworkCost:
    """Count what a training-mode forward pass of two images takes; the network is not changed."""
    images = torch.zeros(2, 3, side_px, side_px)
    saved: dict[int, int] = {}
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}

    def record(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    was_training = network.training
    state = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    with (
        FlopCounterMode(display=False) as counter,
        torch.autograd.graph.saved_tensors_hooks(record, lambda tensor: tensor),
    ):
        outputs = network(images)
    del outputs
    network.train(was_training)
    network.load_state_dict(state)  # the pass updated the statistics of batch normalisation
    return NetworkCost(
        parameters=sum(p.numel() for p in network.parameters()),
        trainable=sum(p.numel() for p in network.parameters() if p.requires_grad),
        flops=counter.get_total_flops() // 2,
        activation_bytes=sum(saved.values()) // 2,
    )
