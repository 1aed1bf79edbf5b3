"""The registry of network architectures: how a card's network becomes an engine.

A backbone is registered where it is defined (`faceage_core.models.backbones`) and shares one
loader. Any other architecture is one function and one line of `LOADERS`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import nn

from faceage_core.cards.model_card import AgeCard, NetworkCard
from faceage_core.errors import InvalidCheckpoint
from faceage_core.inference.engine import Engine, engine_for_module, engine_for_onnx
from faceage_core.models.age_network import AgeNetwork, Probabilities, build_network
from faceage_core.models.backbones import BACKBONES
from faceage_core.models.checkpoint import load_into, load_state_dict
from faceage_core.models.dlib_resnet import load_dlib_resnet

# (card, verified weights files, device, threads) -> engine
Loader = Callable[[NetworkCard, Sequence[Path], str, int], Engine]


def load_engine(card: NetworkCard, files: Sequence[Path], *, device: str, threads: int) -> Engine:
    """Load a card's network.

    Args:
        card: the model's card.
        files: its weights, verified, in the card's order.
        device: "cpu", "cuda", "cuda:1", ...
        threads: CPU threads that one call may use.

    Raises:
        InvalidArgument: the device is unavailable.
        InvalidCheckpoint: unknown architecture or head, or a card that contradicts its network.
        WeightsMismatch: the weights are damaged or belong to another network.
    """
    loaders = dict.fromkeys(BACKBONES, _load_backbone) | LOADERS
    if card.architecture not in loaders:
        raise InvalidCheckpoint(
            f"{card.name}: architecture {card.architecture!r} is not one of {', '.join(loaders)}"
        )
    return loaders[card.architecture](card, files, device, threads)


def _load_backbone(card: NetworkCard, files: Sequence[Path], device: str, threads: int) -> Engine:
    path = _single(card, files)
    try:
        module = build_network(card.architecture, card.heads if isinstance(card, AgeCard) else ())
    except InvalidCheckpoint as error:
        raise InvalidCheckpoint(f"{card.name}: {error.message}") from None
    classifier = BACKBONES[card.architecture].classifier
    source = f"{card.name} ({path.name})"
    load_into(module, load_state_dict(path), source=source, ignore=classifier)
    served = Probabilities(module) if isinstance(module, AgeNetwork) else module
    return _engine(card, served, device, threads)


def _load_dlib_resnet(
    card: NetworkCard, files: Sequence[Path], device: str, threads: int
) -> Engine:
    network = load_dlib_resnet(_single(card, files).read_bytes())
    return _engine(card, network, device, threads)


def _load_onnx(card: NetworkCard, files: Sequence[Path], device: str, threads: int) -> Engine:
    path = _single(card, files)
    return engine_for_onnx(
        path.read_bytes(),
        name=card.name,
        size_px=card.input.crop.size_px,
        device=device,
        threads=threads,
    )


LOADERS: dict[str, Loader] = {
    "dlib_resnet": _load_dlib_resnet,
    "onnx": _load_onnx,
}


def _single(card: NetworkCard, files: Sequence[Path]) -> Path:
    if len(files) != 1:
        raise InvalidCheckpoint(
            f"{card.name}: {card.architecture} needs one weights file, the card has {len(files)}"
        )
    return files[0]


def _engine(card: NetworkCard, module: nn.Module, device: str, threads: int) -> Engine:
    size_px = card.input.crop.size_px
    return engine_for_module(module, size_px=size_px, device=device, threads=threads)
