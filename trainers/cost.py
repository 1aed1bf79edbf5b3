"""What a network costs: parameters, arithmetic, and memory for a batch."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from faceage_core.models.age_network import AgeNetwork


@dataclass(frozen=True)
class Cost:
    """Of one network at one size of picture.

    Attributes:
        parameters: all of them.
        trained: those that change.
        flops: of one picture's forward pass; a multiplication and an addition are two.
        activation_bytes: what a training step keeps of one picture for the backward pass, float32.
    """

    parameters: int
    trained: int
    flops: int
    activation_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.parameters / 1e6:.1f} M parameters, {self.trained / 1e6:.1f} M of them "
            f"trained; {self.flops / 1e9:.2f} GFLOPs a picture"
        )

    def step_bytes(self, pictures: int, *, averaged: bool) -> int:
        """Memory of a training step: weights, gradients, two moments and perhaps an average."""
        copies = 1 + averaged
        return 4 * (copies * self.parameters + 3 * self.trained) + pictures * self.activation_bytes


def measure(network: AgeNetwork, side_px: int) -> Cost:
    """Run two pictures through it, in training mode, and count."""
    images = torch.zeros(2, 3, side_px, side_px)
    kept: dict[int, int] = {}
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    was_training = network.training
    state = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    with (
        FlopCounterMode(display=False) as counter,
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        outputs = network(images)
    del outputs
    network.train(was_training)
    network.load_state_dict(state)  # normalisations saw the pictures
    return Cost(
        parameters=sum(p.numel() for p in network.parameters()),
        trained=sum(p.numel() for p in network.parameters() if p.requires_grad),
        flops=counter.get_total_flops() // 2,
        activation_bytes=sum(kept.values()) // 2,
    )
