"""Checkpoints, published state dicts, and strict loading into a network.

A checkpoint is a directory with `model.safetensors`, `card.json` and, once it is exported, the same
network as `model.onnx`; the card states the files' sha256. It is never a pickle. Published weights
are pickles; PyTorch's restricted reader reads them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import Module

from faceage_core.cards.catalog import CARD_NAME, find_checkpoint, require_kind
from faceage_core.cards.model_card import BaseCard, CardT, NetworkCard
from faceage_core.cards.weights import CheckpointFile
from faceage_core.errors import (
    InvalidArgument,
    InvalidCheckpoint,
    WeightsMismatch,
    WeightsUnavailable,
)
from faceage_core.files.replace import replace_directory, replace_file
from faceage_core.models.download import sha256_of
from faceage_core.models.weights import resolve_weights

WEIGHTS_NAME = "model.safetensors"
ONNX_NAME = "model.onnx"
CHECKPOINT_FILES = (WEIGHTS_NAME, ONNX_NAME, CARD_NAME)
_MAX_NAMES = 3  # in an error message


def save_checkpoint(directory: Path, state: Mapping[str, Tensor], card: CardT) -> CardT:
    """Write a checkpoint atomically: a killed process never leaves a partial one.

    Args:
        directory: created if missing; an existing checkpoint is replaced.
        state: the tensors by name, on any device.
        card: the model's card; its weights entry is replaced by the written file's.

    Returns:
        The card as it was written.

    Raises:
        InvalidArgument: the directory holds files that do not belong to a checkpoint, or is a file.
        InvalidCheckpoint: the card holds a value that JSON cannot represent, such as NaN.
        OSError: the disk is full or not writable.
    """
    target = directory.resolve()
    _check_replaceable(target)
    with replace_directory(target) as fresh:
        _write(fresh, state, card)
        written, _ = find_checkpoint(fresh)
    return require_kind(written, type(card), target.name)


def load_checkpoint(path: Path) -> tuple[NetworkCard, dict[str, Tensor]]:
    """Read a checkpoint of this format, the tensors onto the CPU.

    Args:
        path: the checkpoint's directory, or one of its two files.

    Raises:
        InvalidCheckpoint: a part is missing or damaged, or the card belongs to other weights.
    """
    card, directory = find_checkpoint(path)
    match card, card.weights:
        case NetworkCard(), (CheckpointFile(path="model.safetensors"),):
            (weights,) = resolve_weights(card, directory=directory)
        case _:
            raise InvalidCheckpoint(
                f"{CARD_NAME}: weights must be one checkpoint file, {WEIGHTS_NAME}"
            )
    try:
        return card, load_state_dict(weights)
    except (WeightsMismatch, WeightsUnavailable) as error:
        raise InvalidCheckpoint(error.message) from error


def load_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a weights file, onto the CPU.

    Args:
        path: a .safetensors file, or a file of torch.save that maps names to tensors and holds
            nothing else.

    Raises:
        WeightsMismatch: it is damaged, or holds anything else.
        WeightsUnavailable: it is missing or cannot be read.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsUnavailable(f"{path.name} cannot be read: {error.strerror}") from error
    except Exception:  # a damaged file may raise anything
        # Without its cause: PyTorch's message advises the reader to load the file unsafely.
        state = None
    if isinstance(state, dict) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    ):
        return dict(state)
    raise WeightsMismatch(f"{path.name} is damaged, or holds more than tensors by name; not loaded")


def load_into(
    module: Module, state: Mapping[str, Tensor], *, source: str, ignore: tuple[str, ...] = ()
) -> None:
    """Load every parameter and buffer of a network, or none.

    Args:
        module: the network, changed in place.
        state: a tensor for each parameter and buffer.
        source: the name of the state's origin, for the error message.
        ignore: prefixes of names in the state to skip, such as a classifier's "logits.".

    Raises:
        WeightsMismatch: names are missing or unknown, or shapes differ; the network is unchanged.
    """
    given = {name: value for name, value in state.items() if not name.startswith(ignore)}
    wanted = module.state_dict()
    # PyTorch copies the matching tensors before it raises, so compare all before copying any.
    problems = {
        "missing": [name for name in wanted if name not in given],
        "unexpected": [name for name in given if name not in wanted],
        "with another shape or dtype": [
            f"{name} ({_describe(given[name])} for {_describe(wanted[name])})"
            for name in wanted
            if name in given and _describe(given[name]) != _describe(wanted[name])
        ],
    }
    found = [f"{_join(names)} {what}" for what, names in problems.items() if names]
    if found:
        raise WeightsMismatch(f"{source} does not fit {type(module).__name__}: {'; '.join(found)}")
    module.load_state_dict(given, strict=True)


def _write(directory: Path, state: Mapping[str, Tensor], card: BaseCard) -> None:
    # safetensors refuses views and shared memory, so copy each tensor.
    copies = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in state.items()
    }
    save_file(copies, directory / WEIGHTS_NAME, metadata={"format": "pt"})
    entry = CheckpointFile(path=WEIGHTS_NAME, sha256=sha256_of(directory / WEIGHTS_NAME))
    update: dict[str, Any] = {"weights": (entry,)}
    if isinstance(card, NetworkCard):
        update["onnx"] = None  # of other weights
    write_card(directory, card.model_copy(update=update))


def write_card(directory: Path, card: BaseCard) -> None:
    """Write a checkpoint's card atomically."""
    with replace_file(directory / CARD_NAME) as path:
        path.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _check_replaceable(target: Path) -> None:
    """Refuse to replace a directory that is not a checkpoint, such as a home directory."""
    if target.exists() and not target.is_dir():
        raise InvalidArgument(f"{target.name} is a file; a checkpoint is a directory")
    present = {path.name for path in target.iterdir()} if target.exists() else set()
    others = sorted(present - {*CHECKPOINT_FILES})
    if others:
        raise InvalidArgument(
            f"{target.name} holds other files ({_join(others)}), which saving would delete; use a "
            "separate directory"
        )


def _describe(tensor: Tensor) -> str:
    kind = "float" if tensor.is_floating_point() else str(tensor.dtype).removeprefix("torch.")
    return f"{kind} {list(tensor.shape)}"


def _join(names: list[str]) -> str:
    shown, more = ", ".join(names[:_MAX_NAMES]), len(names) - _MAX_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
