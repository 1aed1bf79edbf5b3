"""The registry of network architectures: how a card's network becomes an engine.

Engines run ONNX files. The architecture "onnx" is such a file. A backbone is registered where it is
defined (`faceage_core.models.backbones`); all backbones share one loader, which exports them. Any
other architecture is one function and one line of `LOADERS`. Only loaders that export need PyTorch,
and they import it when they are called.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faceage_core.cards.model_card import AgeCard, NetworkCard
from faceage_core.cards.weights import CheckpointFile
from faceage_core.errors import InvalidCheckpoint
from faceage_core.extras import how_to_install
from faceage_core.inference import engine
from faceage_core.inference.engine import Engine
from faceage_core.inference.runtime import Runtime

if TYPE_CHECKING:
    from torch import nn

_log = logging.getLogger(__name__)

# (card, verified weights files) -> the content of an ONNX file
Loader = Callable[[NetworkCard, Sequence[Path]], bytes]


def load_engine(card: NetworkCard, files: Sequence[Path], runtime: Runtime) -> Engine:
    """Load a card's network.

    Args:
        card: the model's card.
        files: its weights, verified, in the card's order.
        runtime: the engine and its options; the card may require fp32.

    Raises:
        InvalidArgument: the device, the precision or the engine is unavailable.
        InvalidCheckpoint: unknown architecture or head, a card that contradicts its network, or an
            architecture that needs a package which is not installed.
        WeightsMismatch: the weights are damaged or belong to another network.
    """
    return engine.load_engine(
        onnx_model(card, files),
        name=card.name,
        size_px=card.input.crop.size_px,
        runtime=runtime.for_card(card),
    )


def onnx_model(card: NetworkCard, files: Sequence[Path]) -> bytes:
    """A card's network as the content of an ONNX file.

    Raises:
        InvalidCheckpoint, WeightsMismatch: as `load_engine`.
    """
    try:
        return LOADERS.get(card.architecture, _export_backbone)(card, files)
    except ModuleNotFoundError as error:
        raise InvalidCheckpoint(
            f"{card.name}: architecture {card.architecture!r} needs the package {error.name}: "
            f"{how_to_install(str(error.name))}{_or_export(card)}"
        ) from None


def _read_onnx(card: NetworkCard, files: Sequence[Path]) -> bytes:
    return _single(card, files).read_bytes()


def _export_dlib_resnet(card: NetworkCard, files: Sequence[Path]) -> bytes:
    from faceage_core.models.dlib_resnet import load_dlib_resnet

    return _export(card, load_dlib_resnet(_single(card, files).read_bytes()))


def _export_backbone(card: NetworkCard, files: Sequence[Path]) -> bytes:
    if _is_checkpoint(card):
        _log.warning(
            "%s has no model.onnx and is exported each time it is loaded; `faceage export` adds it",
            card.name,
        )
    return _export(card, torch_network(card, files))


def torch_network(card: NetworkCard, files: Sequence[Path]) -> "nn.Module":
    """The network of a backbone with its weights, in PyTorch, with the outputs that are served.

    Raises:
        InvalidCheckpoint, WeightsMismatch: as `load_engine`.
        ModuleNotFoundError: PyTorch is not installed.
    """
    from faceage_core.models.age_network import AgeNetwork, Probabilities, build_network
    from faceage_core.models.backbones import BACKBONES
    from faceage_core.models.checkpoint import load_into, load_state_dict

    if card.architecture not in BACKBONES:
        known = ", ".join((*BACKBONES, *LOADERS))
        raise InvalidCheckpoint(
            f"{card.name}: architecture {card.architecture!r} is not one of {known}"
        )
    path = _single(card, files)
    try:
        module = build_network(card.architecture, card.heads if isinstance(card, AgeCard) else ())
    except InvalidCheckpoint as error:
        raise InvalidCheckpoint(f"{card.name}: {error.message}") from None
    classifier = BACKBONES[card.architecture].classifier
    source = f"{card.name} ({path.name})"
    load_into(module, load_state_dict(path), source=source, ignore=classifier)
    return Probabilities(module) if isinstance(module, AgeNetwork) else module


def _or_export(card: NetworkCard) -> str:
    return "; or run `faceage export` where it is installed, once" if _is_checkpoint(card) else ""


def _is_checkpoint(card: NetworkCard) -> bool:
    return any(isinstance(file, CheckpointFile) for file in card.weights)


LOADERS: dict[str, Loader] = {
    "dlib_resnet": _export_dlib_resnet,
    "onnx": _read_onnx,
}


def _single(card: NetworkCard, files: Sequence[Path]) -> Path:
    if len(files) != 1:
        raise InvalidCheckpoint(
            f"{card.name}: {card.architecture} needs one weights file, the card has {len(files)}"
        )
    return files[0]


def _export(card: NetworkCard, module: "nn.Module") -> bytes:
    import torch

    from faceage_core.models.export import export_onnx

    size_px = card.input.crop.size_px
    return export_onnx(module, torch.zeros(1, 3, size_px, size_px))
