"""Two InceptionResnetV1 networks with seeded random weights, and their checkpoints.

The service and the baseline script use the same weights. Measuring speed needs no trained weights.
But freshly initialised networks give almost the same output for every face, so their batch
normalisation is first fitted to real faces.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.crops import BoxCrop
from faceage_core.cards.model_card import AgeCard, HeadSpec, IdentityCard, OperatingPoint
from faceage_core.models.age_network import AGE_BINS, build_network
from faceage_core.models.checkpoint import save_checkpoint

_SHIPPED = "facenet-vggface2"
_AGE_HEADS = (HeadSpec(task="age", kind="hidden_256", outputs=AGE_BINS, dropout=0.2),)


def seeded_networks(seed: int) -> tuple[nn.Module, nn.Module]:
    """The identity network and the age network, with random weights."""
    torch.manual_seed(seed)
    architecture = shipped_card(_SHIPPED).architecture
    return build_network(architecture), build_network(architecture, _AGE_HEADS)


def fit_normalisation(network: nn.Module, crops: Tensor) -> None:
    """Fit the batch normalisation to some faces, so that different faces get different outputs.

    Args:
        network: changed in place, left in evaluation mode.
        crops: [N, 3, size, size] float32, normalised.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # a cumulative average over all batches
        norm.reset_running_stats()
    with torch.no_grad():
        network.train()(crops)
    network.eval()


def save_identity(directory: Path, network: nn.Module) -> None:
    """Write the identity network as a checkpoint of the project."""
    point = OperatingPoint(name="benchmark", threshold=0.5, note="of random weights: meaningless")
    fields = _shared_fields() | {"name": "benchmark-identity", "operating_points": (point,)}
    save_checkpoint(directory, network.state_dict(), IdentityCard.model_validate(fields))


def save_age(directory: Path, network: nn.Module) -> None:
    """Write the age network as a checkpoint of the project."""
    bins = tuple(float(age) for age in range(AGE_BINS))
    fields = _shared_fields() | {"name": "benchmark-age", "heads": _AGE_HEADS}
    card = AgeCard.model_validate(fields | {"age_bins_years": bins})
    save_checkpoint(directory, network.state_dict(), card)


def box_crop() -> BoxCrop:
    """The crop of a face in the service and in the baseline script, from the shipped FaceNet card.

    Raises:
        TypeError: the card has another kind of crop than the script supports, a box with a margin.
    """
    crop = shipped_card(_SHIPPED, IdentityCard).input.crop
    if not isinstance(crop, BoxCrop):
        raise TypeError(f"the card of {_SHIPPED} states no box crop")
    return crop


def _shared_fields() -> dict[str, Any]:
    """The fields of both cards: the preprocessing of the shipped FaceNet and nothing else of it."""
    shipped = shipped_card(_SHIPPED, IdentityCard)
    return {
        "version": "0",
        "summary": "Random weights for the benchmarks",
        "architecture": shipped.architecture,
        "weights": (),
        "origin": "benchmarks.random_networks",
        "license": "Apache-2.0",
        "input": shipped.input,
    }
