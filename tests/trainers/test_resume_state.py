"""Saving and restoring the state of a training."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from faceage_core.errors import InvalidCheckpoint
from trainers.optimizer import build_optimizer
from trainers.recipe import OptimizerRecipe
from trainers.resume_state import TrainingProgress, load_state, parse_progress, save_state
from trainers.weight_averaging import exponential_moving_average

Parts = tuple[nn.Module, AveragedModel, torch.optim.Optimizer]


def parts(name: str, seed: int) -> Parts:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
    network.to(memory_format=torch.channels_last)
    average = exponential_moving_average(network, 0.9)
    recipe = OptimizerRecipe.model_validate({"name": name, "lr": 0.1, "weight_decay": 0.01})
    return network, average, build_optimizer(network, recipe)


def steps(training: Parts, first: int, count: int) -> None:
    network, average, optimizer = training
    for step in range(first, first + count):
        torch.manual_seed(step)
        network(torch.randn(5, 3, 4, 4)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        average.update_parameters(network)


def everything(training: Parts) -> list[Tensor]:
    network, average, _ = training
    return [*network.state_dict().values(), *average.state_dict().values()]


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_a_resumed_training_equals_an_uninterrupted_one(name: str, tmp_path: Path) -> None:
    uninterrupted = parts(name, 0)
    steps(uninterrupted, 0, 6)
    first = parts(name, 0)
    steps(first, 0, 3)
    save_state(tmp_path / "resume", *first, TrainingProgress(recipe_digest="d", epochs_done=3))
    second = parts(name, 1)
    assert load_state(tmp_path / "resume", *second).epochs_done == 3
    steps(second, 3, 3)
    assert all(
        torch.equal(one, other)
        for one, other in zip(everything(uninterrupted), everything(second), strict=True)
    )


def test_the_state_contains_no_pickle(tmp_path: Path) -> None:
    training = parts("adam", 0)
    steps(training, 0, 1)
    save_state(tmp_path / "resume", *training, TrainingProgress(recipe_digest="d"))
    assert sorted(p.name for p in (tmp_path / "resume").iterdir()) == [
        "state.json",
        "state.safetensors",
    ]


@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_a_damaged_state_or_one_of_another_network_is_rejected(damage: str, tmp_path: Path) -> None:
    training = parts("adam", 0)
    steps(training, 0, 1)
    save_state(tmp_path / "resume", *training, TrainingProgress(recipe_digest="d"))
    file = tmp_path / "resume" / "state.safetensors"
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:100])
    else:
        other = nn.Linear(3, 3)
        training = (other, AveragedModel(other), torch.optim.Adam(other.parameters()))
    with pytest.raises(InvalidCheckpoint, match="cannot be resumed"):
        load_state(tmp_path / "resume", *training)


def test_patience_counts_from_the_best_epoch() -> None:
    progress = TrainingProgress(recipe_digest="d")
    for mae in (9.0, 7.0, 8.0, 7.0):
        assert not progress.patience_exhausted(3)
        progress.add({"val_mae": mae})
    assert (progress.best_epoch, progress.best_mae) == (1, 7.0)
    assert progress.patience_exhausted(2)
    assert not progress.patience_exhausted(3)
    assert not progress.patience_exhausted(None)
    assert parse_progress(progress.model_dump_json().encode()) == progress
