"""The state from which a training is resumed: tensors as safetensors, the rest as JSON.

    CHECKPOINT/model/    model.safetensors, card.json: the model to serve
    CHECKPOINT/resume/   state.safetensors, state.json

States of random generators are not stored: every epoch seeds them from the recipe's seed and its
own number.
"""

import json
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from faceage_core.errors import InvalidCheckpoint, first_line

MODEL_FOLDER, RESUME_FOLDER = "model", "resume"
TENSORS_FILE, PROGRESS_FILE = "state.safetensors", "state.json"


class TrainingProgress(BaseModel):
    """The epochs of a training so far.

    Attributes:
        recipe_digest: of the recipe's keys that may not change when it is resumed.
        epochs_done: the number of complete epochs.
        best_epoch: the epoch with the lowest validation MAE, from 0; None before the first.
        history: the metrics that each epoch reported.
        scaler: the state of the gradient scaler, with fp16.
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
        """Add the metrics of the next epoch."""
        if metrics["val_mae"] < self.best_mae:
            self.best_epoch = self.epochs_done
        self.history.append(metrics)
        self.epochs_done += 1

    def patience_exhausted(self, patience: int | None) -> bool:
        """Whether the last `patience` epochs were not better than the best one before them."""
        if patience is None or self.best_epoch is None:
            return False
        return self.epochs_done - 1 - self.best_epoch >= patience


def save_state(
    directory: Path,
    network: nn.Module,
    average: nn.Module | None,
    optimizer: torch.optim.Optimizer,
    progress: TrainingProgress,
) -> None:
    """Write the state into a new directory."""
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
    save_file(copies, directory / TENSORS_FILE)
    (directory / PROGRESS_FILE).write_text(progress.model_dump_json(indent=1), encoding="utf-8")


def load_state(
    directory: Path,
    network: nn.Module,
    average: nn.Module | None,
    optimizer: torch.optim.Optimizer,
) -> TrainingProgress:
    """Restore the state in place; the modules must have the architecture of the saved ones.

    Raises:
        InvalidCheckpoint: the files are damaged or of another network.
    """
    try:
        tensors = load_file(directory / TENSORS_FILE)
        progress = TrainingProgress.model_validate_json((directory / PROGRESS_FILE).read_bytes())
        network.load_state_dict(_without_prefix("network.", tensors))
        if average is not None:
            average.load_state_dict(_without_prefix("average.", tensors))
        _load_optimizer(optimizer, _without_prefix("optimizer.", tensors))
    except (OSError, SafetensorError, ValueError, RuntimeError, KeyError, IndexError) as error:
        raise InvalidCheckpoint(f"the training cannot be resumed: {first_line(error)}") from error
    return progress


def parse_progress(document: bytes) -> TrainingProgress:
    """Parse the content of a state.json."""
    return TrainingProgress.model_validate(json.loads(document))


def _load_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        parameter = parameters[int(index)]
        entries = state.setdefault(int(index), {})
        if value.shape == parameter.shape:  # restore the parameter's memory format too
            entries[name] = torch.empty_like(parameter, device="cpu").copy_(value)
        else:
            entries[name] = value
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _without_prefix(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
