"""The resumable part: everything comes back, and nothing of another training."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from faceage_core.errors import InvalidCheckpoint
from trainers.optimization import build_optimizer
from trainers.recipe import OptimizerRecipe
from trainers.state import Progress, load_state, read_progress, save_state
from trainers.weight_averaging import averaged

Parts = tuple[nn.Module, AveragedModel, torch.optim.Optimizer]


def parts(name: str, seed: int) -> Parts:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = averaged(network, 0.9)
    recipe = OptimizerRecipe.model_validate({"name": name, "lr": 0.1, "weight_decay": 0.01})
    return network, average, build_optimizer(network, recipe)


def steps(made: Parts, first: int, count: int) -> None:
    network, average, optimizer = made
    for step in range(first, first + count):
        torch.manual_seed(step)
        network(torch.randn(5, 3, 4, 4)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        average.update_parameters(network)


def everything(made: Parts) -> list[Tensor]:
    network, average, _ = made
    return [*network.state_dict().values(), *average.state_dict().values()]


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_a_resumed_training_is_the_undisturbed_one(name: str, tmp_path: Path) -> None:
    undisturbed = parts(name, 0)
    steps(undisturbed, 0, 6)
    first = parts(name, 0)
    steps(first, 0, 3)
    save_state(tmp_path / "resume", *first, Progress(recipe_digest="d", epochs_done=3))
    second = parts(name, 1)
    assert load_state(tmp_path / "resume", *second).epochs_done == 3
    steps(second, 3, 3)
    assert all(
        torch.equal(one, other)
        for one, other in zip(everything(undisturbed), everything(second), strict=True)
    )


def test_nothing_that_is_loaded_is_a_pickle(tmp_path: Path) -> None:
    made = parts("adam", 0)
    steps(made, 0, 1)
    save_state(tmp_path / "resume", *made, Progress(recipe_digest="d"))
    assert sorted(p.name for p in (tmp_path / "resume").iterdir()) == [
        "state.json",
        "state.safetensors",
    ]


@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_a_damaged_or_other_state_is_refused(damage: str, tmp_path: Path) -> None:
    made = parts("adam", 0)
    steps(made, 0, 1)
    save_state(tmp_path / "resume", *made, Progress(recipe_digest="d"))
    file = tmp_path / "resume" / "state.safetensors"
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:100])
    else:
        other = nn.Linear(3, 3)
        made = (other, AveragedModel(other), torch.optim.Adam(other.parameters()))
    with pytest.raises(InvalidCheckpoint, match="cannot be taken up again"):
        load_state(tmp_path / "resume", *made)


def test_patience_counts_from_the_best_epoch() -> None:
    progress = Progress(recipe_digest="d")
    for mae in (9.0, 7.0, 8.0, 7.0):
        assert not progress.stopped(3)
        progress.add({"val_mae": mae})
    assert (progress.best_epoch, progress.best_mae) == (1, 7.0)
    assert progress.stopped(2)
    assert not progress.stopped(3)
    assert not progress.stopped(None)
    assert read_progress(progress.model_dump_json().encode()) == progress


def test_the_average_forgets_the_beginning_and_then_moves_slowly() -> None:
    network = nn.Linear(1, 1, bias=False)
    average = averaged(network, 0.9)
    values = []
    for step in range(200):
        nn.init.constant_(network.weight, 0.0 if step == 0 else 1.0)
        average.update_parameters(network)
        values.append(average.module.weight.item())
    assert values[0] == 0.0
    assert values[1] == pytest.approx(1 - 2 / 11)
    assert values[-1] == pytest.approx(1.0, abs=1e-6)
    nn.init.constant_(network.weight, 2.0)
    average.update_parameters(network)
    assert average.module.weight.item() == pytest.approx(1.1, abs=1e-5)


def test_the_average_keeps_counters_as_they_are() -> None:
    network = nn.BatchNorm1d(2)
    average = averaged(network, 0.9)
    for _ in range(3):
        network(torch.randn(4, 2))
        average.update_parameters(network)
    assert average.module.num_batches_tracked.item() == 3
