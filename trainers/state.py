"""What a training needs to go on as if nothing had happened: tensors as safetensors, the rest JSON.

    CHECKPOINT/model/    model.safetensors, card.json: what serves
    CHECKPOINT/resume/   state.safetensors, state.json

Random numbers need no place in it: every epoch draws from the seed and its own number alone.
"""

import json
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from faceage_core.errors import InvalidCheckpoint

MODEL, RESUME = "model", "resume"
_TENSORS, _REST = "state.safetensors", "state.json"


class Progress(BaseModel):
    """How far a training is.

    Attributes:
        recipe_digest: of what may not change between the parts of one training.
        epochs_done: complete ones.
        best_epoch: from 0, the one with the lowest validation MAE; None before the first.
        history: what each epoch reported.
        scaler: of the gradients, with fp16.
    """

    model_config = ConfigDict(extra="forbid")

    recipe_digest: str
    epochs_done: int = 0
    best_epoch: int | None = None
    history: list[dict[str, Any]] = []
    scaler: dict[str, float] = {}

    @property
    def best_mae(self) -> float:
        """The lowest validation MAE so far, in years."""
        return float("inf") if self.best_epoch is None else self.history[self.best_epoch]["val_mae"]

    def add(self, metrics: dict[str, Any]) -> None:
        """Take in what the next epoch reported."""
        if metrics["val_mae"] < self.best_mae:
            self.best_epoch = self.epochs_done
        self.history.append(metrics)
        self.epochs_done += 1

    def stopped(self, patience: int | None) -> bool:
        """Whether so many epochs passed without a better one."""
        if patience is None or self.best_epoch is None:
            return False
        return self.epochs_done - 1 - self.best_epoch >= patience


def save_state(
    directory: Path,
    network: nn.Module,
    average: nn.Module | None,
    optimizer: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Write everything into a directory that is made."""
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    if average is not None:
        tensors |= {f"average.{name}": value for name, value in average.state_dict().items()}
    for index, entries in optimizer.state_dict()["state"].items():
        for name, value in entries.items():
            if isinstance(value, Tensor):  # SGD has None before its first step
                tensors[f"optimizer.{index}.{name}"] = value
    directory.mkdir(parents=True)
    copies = {
        name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, value in tensors.items()
    }
    save_file(copies, directory / _TENSORS)
    (directory / _REST).write_text(progress.model_dump_json(indent=1), encoding="utf-8")


def load_state(
    directory: Path,
    network: nn.Module,
    average: nn.Module | None,
    optimizer: torch.optim.Optimizer,
) -> Progress:
    """Put everything back; the modules must be those that were saved.

    Raises:
        InvalidCheckpoint: the files are damaged or of another network.
    """
    try:
        tensors = load_file(directory / _TENSORS)
        progress = Progress.model_validate_json((directory / _REST).read_bytes())
        network.load_state_dict(_under("network.", tensors))
        if average is not None:
            average.load_state_dict(_under("average.", tensors))
        _load_optimizer(optimizer, _under("optimizer.", tensors))
    except (OSError, SafetensorError, ValueError, RuntimeError, KeyError, IndexError) as error:
        said = str(error).partition("\n")[0]
        raise InvalidCheckpoint(f"the training cannot be taken up again: {said}") from error
    return progress


def read_progress(document: bytes) -> Progress:
    """From a state.json."""
    return Progress.model_validate(json.loads(document))


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        like = parameters[int(index)]
        # In the parameter's own memory format, as it was.
        formed = torch.empty_like(like, device="cpu") if value.shape == like.shape else None
        entry = value if formed is None else formed.copy_(value)
        state.setdefault(int(index), {})[name] = entry
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
