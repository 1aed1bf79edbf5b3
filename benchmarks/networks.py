"""The same seeded weights for both sides: two InceptionResnetV1 networks and their checkpoints.

No trained weights are needed to measure speed. Freshly initialised ones would give every face next
to the same answer, though, so their batch normalisation is first fitted to real faces.
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
    """Let the batch normalisation see some faces, so that different faces get different outputs.

    Args:
        network: changed in place, left in evaluation mode.
        crops: [N, 3, size, size] float32, normalised.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the plain average over all that is seen
        norm.reset_running_stats()
    with torch.no_grad():
        network.train()(crops)
    network.eval()


def save_identity(directory: Path, network: nn.Module) -> None:
    """Write the identity network as a checkpoint of the project."""
    point = OperatingPoint(name="benchmark", threshold=0.5, note="of random weights: meaningless")
    card = _card("benchmark-identity", "identity")
    save_checkpoint(
        directory,
        network.state_dict(),
        card.model_copy(update={"operating_points": (point,)}),
    )


def save_age(directory: Path, network: nn.Module) -> None:
    """Write the age network as a checkpoint of the project."""
    card = _card("benchmark-age", "age", heads=_AGE_HEADS)
    bins = tuple(float(age) for age in range(AGE_BINS))
    save_checkpoint(
        directory, network.state_dict(), card.model_copy(update={"age_bins_years": bins})
    )


def box_crop() -> BoxCrop:
    """How both sides cut a face: as the shipped FaceNet's card says.

    Raises:
        TypeError: it no longer says so by a box with a margin, as the script cuts.
    """
    spec = shipped_card(_SHIPPED).input
    if spec is None or not isinstance(spec.crop, BoxCrop):
        raise TypeError(f"the card of {_SHIPPED} states no box crop")
    return spec.crop


def _card(name: str, task: str, *, heads: tuple[HeadSpec, ...] = ()) -> ModelCard:
    """A card with the preprocessing of the shipped FaceNet and nothing else of it."""
    shipped = shipped_card(_SHIPPED)
    return shipped.model_copy(
        update={
            "name": name,
            "version": "0",
            "task": task,
            "summary": "Random weights for the benchmarks",
            "heads": heads,
            "origin": "benchmarks.networks",
            "license": "Apache-2.0",
            "training_data": None,
            "operating_points": (),
            "limits": (),
        }
    )
