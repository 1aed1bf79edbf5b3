"""Add `model.onnx` to a checkpoint, so that serving it needs no PyTorch and no export."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from faceage_core.cards.catalog import find_checkpoint
from faceage_core.cards.model_card import NetworkCard
from faceage_core.cards.weights import CheckpointFile
from faceage_core.errors import InvalidCheckpoint
from faceage_core.files.replace import replace_file
from faceage_core.inference.engine import load_engine
from faceage_core.inference.normalisation import normalise
from faceage_core.inference.runtime import Runtime
from faceage_core.models.checkpoint import ONNX_NAME, write_card
from faceage_core.models.download import sha256_of
from faceage_core.models.export import export_onnx
from faceage_core.models.registry import torch_network
from faceage_core.models.weights import resolve_weights

_MAX_DIFFERENCE = 1e-3  # relative to the largest output
_CROPS = 2


def add_onnx(path: Path) -> Path:
    """Export a checkpoint's network, check it against PyTorch, and write it beside the weights.

    Args:
        path: the checkpoint's directory or one of its files; its card gets the new file's sha256.

    Returns:
        The ONNX file.

    Raises:
        InvalidCheckpoint: a part is missing or damaged, the card is not a PyTorch network's, or the
            exported network gives other outputs.
        WeightsMismatch: the weights belong to another network.
        OSError: the disk is full or not writable.
    """
    card, directory = find_checkpoint(path)
    if not isinstance(card, NetworkCard) or card.architecture == "onnx":
        raise InvalidCheckpoint(f"{card.name}: its weights are not those of a PyTorch network")
    network = torch_network(card, resolve_weights(card, directory=directory))
    crops = _random_crops(card)
    model = export_onnx(network, torch.from_numpy(crops))
    _require_equal(card, network, model, crops)
    with replace_file(directory / ONNX_NAME) as file:
        file.write_bytes(model)
    entry = CheckpointFile(path=ONNX_NAME, sha256=sha256_of(directory / ONNX_NAME))
    write_card(directory, card.model_copy(update={"onnx": entry}))
    return directory / ONNX_NAME


def _require_equal(
    card: NetworkCard, network: torch.nn.Module, model: bytes, crops: NDArray[np.float32]
) -> None:
    runtime = Runtime(precision="fp32")
    size_px = card.input.crop.size_px
    (exported, *_) = load_engine(model, name=card.name, size_px=size_px, runtime=runtime)(crops)
    with torch.inference_mode():
        expected = network(torch.from_numpy(crops)).numpy()
    difference = np.abs(exported - expected).max() / np.abs(expected).max()
    if not difference <= _MAX_DIFFERENCE:  # NaN too
        raise InvalidCheckpoint(
            f"{card.name}: the exported network differs from PyTorch's by {difference:.2g}"
        )


def _random_crops(card: NetworkCard) -> NDArray[np.float32]:
    """[N, 3, size, size] float32, normalised as the card says."""
    size_px = card.input.crop.size_px
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (_CROPS, size_px, size_px, 3), dtype=np.uint8)
    return normalise(pixels, card.input)
