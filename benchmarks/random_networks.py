"""Two InceptionResnetV1 networks with seeded random weights, and their checkpoints.

The service and the baseline script use the same weights. Measuring speed needs no trained weights.
But freshly initialised networks give almost the same output for every face, so their batch
normalisation is first fitted to real faces.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from faceage_core.cards.schema import HeadSpec, ModelCard, OperatingPoint, shipped_card
from faceage_core.detection.crops import BoxCrop
from faceage_core.models.age_network import AGE_BINS, build_network
from faceage_core.models.checkpoint import save_checkpoint

_SHIPPED = "facenet-vggface2"
_AGE_HEADS = (HeadSpec(task="age", kind="hidden_256", outputs=AGE_BINS, dropout=0.2),)


def seeded_networks(seed: int) -> tuple[nn.Module, nn.Module]:
    """The identity network and the age network, with random weights."""
    torch.manual_seed(seed)
    identity = build_network(_card("benchmark-identity", "identity"))
    return identity, build_network(_card("benchmark-age", "age", heads=_AGE_HEADS))


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
    """Write the identity network as a checkpoint."""
    point = OperatingPoint(name="benchmark", threshold=0.5, note="random weights: no meaning")
    card = _card("benchmark-identity", "identity")
    save_checkpoint(
        directory,
        network.state_dict(),
        card.model_copy(update={"operating_points": (point,)}),
    )


def save_age(directory: Path, network: nn.Module) -> None:
    """Write the age network as a checkpoint."""
    card = _card("benchmark-age", "age", heads=_AGE_HEADS)
    bins = tuple(float(age) for age in range(AGE_BINS))
    save_checkpoint(
        directory, network.state_dict(), card.model_copy(update={"age_bins_years": bins})
    )


def box_crop() -> BoxCrop:
    """The crop of a face in the service and in the baseline script, from the shipped FaceNet card.

    Raises:
        TypeError: the card has another kind of crop than the script supports, a box with a margin.
    """
    spec = shipped_card(_SHIPPED).input
    if spec is None or not isinstance(spec.crop, BoxCrop):
        raise TypeError(f"the card of {_SHIPPED} has no box crop")
    return spec.crop


def _card(name: str, task: str, *, heads: tuple[HeadSpec, ...] = ()) -> ModelCard:
    """A card with only the preprocessing of the shipped FaceNet."""
    shipped = shipped_card(_SHIPPED)
    return shipped.model_copy(
        update={
            "name": name,
            "version": "0",
            "task": task,
            "summary": "Random weights for the benchmarks",
            "heads": heads,
            "origin": "benchmarks.random_networks",
            "license": "Apache-2.0",
            "training_data": None,
            "operating_points": (),
            "limits": (),
        }
    )
