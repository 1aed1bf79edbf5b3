"""Whole sweeps: Ray Tune over Ray Train, on real faces."""

import csv
import os
import signal
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from faceage_core.errors import FaceageError
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import FacePipeline
from trainers.recipe import Recipe, changed, load_recipe
from tune.space import SPACES, Space, load_space
from tune.sweep_runner import run_sweep

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.timeout(900)]

TRIALS = 6
LR, DECAY, SIGMA = "optimizer.lr", "optimizer.weight_decay", "loss.sigma_years"
NEARBY = 0.33
DIVERGES = 1e30  # as weight decay: the training diverges


@dataclass(frozen=True)
class KilledSweep:
    """A sweep of two stages that was killed in its first stage, then resumed to its end.

    Attributes:
        out: its folder.
        before: lines printed before it was killed.
        journal: the content of the journal's files when it was killed, by file name.
        after: lines printed after it was resumed.
    """

    out: Path
    before: list[str]
    journal: dict[str, bytes]
    after: list[str]

    def rows(self, stage: int) -> list[dict[str, str]]:
        """Return the rows of a stage in results.csv, the best first."""
        rows = csv.DictReader((self.out / "results.csv").read_text().splitlines())
        return [row for row in rows if row["stage"] == str(stage)]


@pytest.fixture(scope="module")
def killed(small: Recipe, tmp_path_factory: pytest.TempPathFactory) -> KilledSweep:
    """Run the command, kill it when three trials have ended, and run it again with --resume.

    The first stage is that of optuna_lr_wd_sigma with fewer trials. The second is the second grid
    of lr_then_grid with fewer values, one of which diverges.
    """
    folder = tmp_path_factory.mktemp("sweeps")
    (chosen,) = load_space("optuna_lr_wd_sigma").stages
    _, grid = load_space("lr_then_grid").stages
    stages = [stage.model_dump(mode="json", exclude_none=True) for stage in (chosen, grid)]
    stages[0]["trials"] = TRIALS
    stages[1]["epochs"] = 2
    stages[1]["parameters"] = {LR: {"around_best": [NEARBY]}, DECAY: {"values": [1e-4, DIVERGES]}}
    (folder / "space.yaml").write_text(yaml.safe_dump({"name": "short", "stages": stages}))
    (folder / "recipe.yaml").write_text(yaml.safe_dump(small.model_dump(mode="json")))
    out = folder / "sweep"
    arguments = ["--config", str(folder / "space.yaml"), "--recipe", str(folder / "recipe.yaml")]

    def start(*options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tune.sweep", *arguments, "--out", str(out), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache"), "PYTHONUNBUFFERED": "1"},
        )

    first = start()
    assert first.stdout is not None
    before: list[str] = []
    while sum(line.endswith(": ended\n") for line in before) < 3:
        before.append(first.stdout.readline())
        assert before[-1], first.stderr.read() if first.stderr else ""
    kill(first)
    journal = {path.name: path.read_bytes() for path in (out / "journal").iterdir()}

    again = start("--resume", "--retrain")
    text, errors = again.communicate(timeout=800)
    assert again.returncode == 0, errors
    return KilledSweep(out, before, journal, text.splitlines())


def test_as_many_trials_run_at_once_as_cores_are_available(killed: KilledSweep) -> None:
    running, most = 0, 0
    for line in killed.before:
        running += line.startswith("trial") and f"{LR}=" in line
        running -= line.endswith(": ended\n")
        most = max(most, running)
    assert most == 2


def test_a_resumed_sweep_does_not_repeat_ended_trials(killed: KilledSweep) -> None:
    ended = {line.split()[1][:-1] for line in killed.before if line.endswith(": ended\n")}
    rows = [row["trial"] for row in killed.rows(1)]
    assert len(rows) == len(set(rows)) == TRIALS
    assert ended < set(rows)
    for trial_id in ended:
        assert epoch_lines(killed.before, trial_id)
        assert not epoch_lines(killed.after, trial_id)
    for path in (killed.out / "journal").iterdir():
        if b'"ended": true' in killed.journal.get(path.name, b""):
            assert path.read_bytes() == killed.journal[path.name]


def test_optuna_chooses_values_and_asha_stops_most_trials_early(
    killed: KilledSweep, small: Recipe
) -> None:
    rows = killed.rows(1)
    for key, least, most in ((LR, 0.0001, 0.03), (DECAY, 0.00001, 0.1), (SIGMA, 1, 4)):
        values = [float(row[key]) for row in rows]
        assert least <= min(values) < max(values) <= most
        assert len(set(values)) == TRIALS
    maes = [float(row["val_mae"]) for row in rows]
    assert maes[0] == min(maes)
    assert maes[0] < statistics.median(maes)
    epochs = [int(row["epochs"]) for row in rows]
    assert sum(row["status"] == "stopped early" for row in rows) >= TRIALS / 2
    assert sum(epochs) < 0.7 * TRIALS * small.epochs
    assert epochs[0] == small.epochs
    full = TRIALS * small.epochs
    summary = f"{sum(epochs)} epochs trained; without early stopping: {full}"
    assert any(summary in line for line in killed.after)


def test_the_second_stage_is_a_grid_around_the_best_of_the_first(killed: KilledSweep) -> None:
    rate = float(f"{NEARBY * float(killed.rows(1)[0][LR]):.3g}")
    finished, diverged = killed.rows(2)
    assert [(float(row[LR]), float(row[DECAY])) for row in (finished, diverged)] == [
        (rate, 1e-4), (rate, DIVERGES)
    ]  # fmt: skip
    assert (finished["status"], finished["epochs"]) == ("finished", "2")
    assert sum(line.startswith("stage ") for line in killed.after) == 2
    text = "\n".join(killed.after)
    assert f"{LR} \\ {DECAY}" in text
    for row in (*killed.rows(1), finished):
        assert f"{float(row['val_mae']):.2f}" in text
    assert (killed.out / "report.html").read_text().startswith("<!doctype html>")


def test_a_diverged_trial_is_marked_as_failed_and_not_repeated(
    killed: KilledSweep,
) -> None:
    _, diverged = killed.rows(2)
    assert diverged["status"] == "failed"
    assert "in epoch 1: lower optimizer.lr" in diverged["cause"]
    line = f"trial {diverged['trial']}: failed: {diverged['cause']}"
    assert killed.after.count(line) == 1
    assert not any("lost workers" in line for line in killed.after)


def test_the_best_recipe_is_retrained_and_its_checkpoint_estimates_ages(
    killed: KilledSweep, small: Recipe, samples: dict[str, bytes]
) -> None:
    out, (row, _) = killed.out, killed.rows(2)
    best = load_recipe(out / "best.yaml")
    assert best.optimizer.lr == float(row[LR])
    assert best.loss.sigma_years == float(killed.rows(1)[0][SIGMA])
    assert best.epochs == small.epochs
    pipeline = FacePipeline(ModelOptions(age_checkpoint=out / "retrained" / "best"))
    (face,) = pipeline.faces(samples["hopper_1984.jpg"]).image.faces
    assert 0 <= face.age_prediction <= 120
    kept = {path.name for path in (out / "trials").iterdir()}
    assert kept == {killed.rows(1)[0]["trial"], row["trial"]}  # each stage keeps its best
    for trial_id in kept:
        assert (out / "trials" / trial_id / "best" / "card.json").is_file()


def epoch_lines(lines: list[str], trial_id: str) -> list[str]:
    """Return the log lines of a trial's epochs."""
    return [line for line in lines if line.startswith(f"trial {trial_id}: epoch")]


def kill(run: subprocess.Popen[str]) -> None:
    """Kill the command and all processes that it started, including those of Ray."""
    family = [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    for process in family:
        try:
            process.kill()
            process.wait(30)
        except psutil.NoSuchProcess:
            pass


def one_stage(**stage: Any) -> Space:
    return SPACES.validate(Space, {"name": "own", "stages": [stage]})


@pytest.mark.usefixtures("ray_here")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"workers.count": 3}, "3 workers need 3 CPUs"),
        ({"data.sources": ["nowhere"]}, "nowhere"),
    ],
)
def test_an_impossible_recipe_is_rejected_before_the_first_trial(
    changes: dict[str, Any], message: str, small: Recipe, tmp_path: Path
) -> None:
    space = one_stage(search="grid", epochs=1, parameters={LR: {"values": [0.001]}})
    with pytest.raises(FaceageError, match=message):
        run_sweep(space, changed(small, changes), str(tmp_path / "sweep"), log=lambda line: None)
    assert not (tmp_path / "sweep" / "stage-1").exists()
