"""From files to networks: the project's own checkpoint, published state dicts, strict loading.

A checkpoint is a directory with `model.safetensors` and `card.json`, whose sha256 ties the two
together. It is never a pickle; published files, which are, go through PyTorch's restricted reader.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import Module

from faceage_core.cards.schema import CheckpointFile, ModelCard, read_card
from faceage_core.errors import (
    InvalidArgument,
    InvalidCheckpoint,
    WeightsMismatch,
    WeightsUnavailable,
)
from faceage_core.files.replace import replace_directory
from faceage_core.models.download import sha256_of, verify

CARD_NAME = "card.json"
WEIGHTS_NAME = "model.safetensors"


def save_checkpoint(directory: Path, state: Mapping[str, Tensor], card: ModelCard) -> ModelCard:
    """Write a checkpoint as a whole; a killed run leaves no half of one in the directory.

    Args:
        directory: where; made if missing. A checkpoint that is there is replaced.
        state: the tensors by name, on any device.
        card: what the model is; its weights entry is replaced by the written file's.

    Returns:
        The card as it was written.

    Raises:
        InvalidArgument: the directory holds files that are no part of a checkpoint, or is a file.
        InvalidCheckpoint: the card holds a value that JSON cannot carry, such as a NaN.
        OSError: the disk is full or must not be written to.
    """
    target = directory.resolve()
    _check_replaceable(target)
    with replace_directory(target) as fresh:
        _write(fresh, state, card)
        return read_checkpoint_card(fresh)


def read_checkpoint_card(path: Path) -> ModelCard:
    """Read a checkpoint's card and leave its weights alone.

    Args:
        path: the checkpoint's directory, or one of its two files.

    Raises:
        InvalidCheckpoint: a part is missing, or the card is none of a checkpoint.
    """
    directory = _directory(path)
    missing = [name for name in (CARD_NAME, WEIGHTS_NAME) if not (directory / name).is_file()]
    if missing:
        raise InvalidCheckpoint(f"{directory.name} is no checkpoint: missing {_listed(missing)}")
    card = read_card(directory / CARD_NAME)
    _entry(card)
    return card


def load_checkpoint(path: Path) -> tuple[ModelCard, dict[str, Tensor]]:
    """Read a checkpoint, the tensors onto the CPU.

    Args:
        path: the checkpoint's directory, or one of its two files.

    Raises:
        InvalidCheckpoint: a part is missing or damaged, or the card is of other weights.
    """
    card = read_checkpoint_card(path)
    weights = _directory(path) / WEIGHTS_NAME
    try:
        verify(weights, _entry(card).sha256)
        return card, load_file(weights)
    except (WeightsMismatch, WeightsUnavailable, SafetensorError) as error:
        raise InvalidCheckpoint(f"the weights are damaged or not the card's: {error}") from error


def load_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a file of torch.save that maps names to tensors and holds nothing else; onto the CPU.

    Raises:
        WeightsMismatch: it is damaged, or holds anything else.
        WeightsUnavailable: it is missing or cannot be read.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsUnavailable(f"{path.name} cannot be read: {error.strerror}") from error
    except Exception:  # a damaged pickle may raise anything
        # Without its cause: PyTorch's text tells the reader to load the file unsafely instead.
        state = None
    if isinstance(state, dict) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    ):
        return dict(state)
    raise WeightsMismatch(f"{path.name} is damaged, or holds more than tensors by name; not loaded")


def load_into(
    module: Module, state: Mapping[str, Tensor], *, source: str, ignore: tuple[str, ...] = ()
) -> None:
    """Fill every parameter and buffer of a network, or none.

    Args:
        module: the network, changed in place.
        state: a tensor for each of its names.
        source: what to call the state's origin in the error.
        ignore: prefixes of names in the state to leave out, such as a classifier's "logits.".

    Raises:
        WeightsMismatch: names are missing or unknown, or shapes differ; the network is unchanged.
    """
    given = {name: value for name, value in state.items() if not name.startswith(ignore)}
    wanted = module.state_dict()
    # PyTorch copies what fits before it complains, so all is compared before anything is copied.
    problems = {
        "missing": [name for name in wanted if name not in given],
        "unexpected": [name for name in given if name not in wanted],
        "of another shape or kind": [
            f"{name} ({_form(given[name])} for {_form(wanted[name])})"
            for name in wanted
            if name in given and _form(given[name]) != _form(wanted[name])
        ],
    }
    found = [f"{_listed(names)} {what}" for what, names in problems.items() if names]
    if found:
        raise WeightsMismatch(f"{source} does not fit {type(module).__name__}: {'; '.join(found)}")
    module.load_state_dict(given, strict=True)


def _directory(path: Path) -> Path:
    path = path.absolute()  # so that "." has a name for the messages
    return path.parent if path.name in (CARD_NAME, WEIGHTS_NAME) else path


def _entry(card: ModelCard) -> CheckpointFile:
    """The card's one weights entry; a path out of the directory is refused with all others."""
    match card.weights:
        case (CheckpointFile() as entry,) if entry.path == WEIGHTS_NAME:
            return entry
    raise InvalidCheckpoint(f"{CARD_NAME}: weights must be one checkpoint file, {WEIGHTS_NAME}")


def _write(directory: Path, state: Mapping[str, Tensor], card: ModelCard) -> None:
    # safetensors refuses views and shared memory; a copy of each tensor is neither.
    copies = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in state.items()
    }
    save_file(copies, directory / WEIGHTS_NAME, metadata={"format": "pt"})
    entry = CheckpointFile(path=WEIGHTS_NAME, sha256=sha256_of(directory / WEIGHTS_NAME))
    final = card.model_copy(update={"weights": (entry,)})
    (directory / CARD_NAME).write_text(final.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _check_replaceable(target: Path) -> None:
    """Refuse to replace what is not a checkpoint, such as a home directory."""
    if target.exists() and not target.is_dir():
        raise InvalidArgument(f"{target.name} is a file, and a checkpoint is a directory")
    present = {path.name for path in target.iterdir()} if target.exists() else set()
    others = sorted(present - {CARD_NAME, WEIGHTS_NAME})
    if others:
        raise InvalidArgument(
            f"{target.name} holds other files ({_listed(others)}), and saving replaces it as a "
            "whole; name a directory of its own"
        )


def _form(tensor: Tensor) -> str:
    kind = "float" if tensor.is_floating_point() else str(tensor.dtype).removeprefix("torch.")
    return f"{kind} {list(tensor.shape)}"


def _listed(names: list[str], most: int = 3) -> str:
    shown, more = ", ".join(names[:most]), len(names) - most
    return f"{shown} and {more} more" if more > 0 else shown
