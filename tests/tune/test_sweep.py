"""Sweeps as they are run: real Ray Tune over real Ray Train, on real faces."""

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

from faceage_core.errors import FaceageError, InvalidArgument
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import FacePipeline
from trainers.recipe import Recipe, changed, load_recipe
from tune.runner import sweep
from tune.space import SPACES, Space, load_space

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.timeout(900)]

TRIALS = 6
LR, DECAY, SIGMA = "optimizer.lr", "optimizer.weight_decay", "loss.sigma_years"
NEARBY = 0.33
DIVERGES = 1e30  # as weight decay: no weight bears it


@dataclass(frozen=True)
class Killed:
    """A sweep of two stages that was killed in its first one, and resumed to its end.

    Attributes:
        out: its folder.
        before: the lines that it had said when it was killed.
        kept: the journal's files at that time.
        after: the lines that it said when it was resumed.
    """

    out: Path
    before: list[str]
    kept: dict[str, bytes]
    after: list[str]

    def rows(self, stage: int) -> list[dict[str, str]]:
        """Of results.csv, the best first."""
        rows = csv.DictReader((self.out / "results.csv").read_text().splitlines())
        return [row for row in rows if row["stage"] == str(stage)]


@pytest.fixture(scope="module")
def killed(small: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """The command, SIGKILL as soon as three trials have ended, and the command again.

    The first stage is Optuna's of the shipped space, with fewer trials. The second is a grid as the
    mission's second step, with fewer values, one of which diverges.
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
    words = ["--config", str(folder / "space.yaml"), "--recipe", str(folder / "recipe.yaml")]

    def start(*options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tune.sweep", *words, "--out", str(out), *options],
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
    kept = {path.name: path.read_bytes() for path in (out / "journal").iterdir()}

    again = start("--resume", "--retrain")
    text, errors = again.communicate(timeout=800)
    assert again.returncode == 0, errors
    return Killed(out, before, kept, text.splitlines())


def test_as_many_trials_run_at_once_as_there_are_cores(killed: Killed) -> None:
    running, most = 0, 0
    for line in killed.before:
        running += line.startswith("trial") and f"{LR}=" in line
        running -= line.endswith(": ended\n")
        most = max(most, running)
    assert most == 2


def test_no_trial_that_had_ended_runs_again(killed: Killed) -> None:
    ended = {line.split()[1][:-1] for line in killed.before if line.endswith(": ended\n")}
    rows = [row["trial"] for row in killed.rows(1)]
    assert len(rows) == len(set(rows)) == TRIALS
    assert ended < set(rows)
    for trial_id in ended:
        assert epochs_said(killed.before, trial_id)
        assert not epochs_said(killed.after, trial_id)
    for path in (killed.out / "journal").iterdir():
        if b'"ended": true' in killed.kept.get(path.name, b""):
            assert path.read_bytes() == killed.kept[path.name]


def test_optuna_chooses_and_most_trials_are_stopped_early(killed: Killed, small: Recipe) -> None:
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
    spent = f"{sum(epochs)} epochs trained; all trials to their end: {full}"
    assert any(spent in line for line in killed.after)


def test_the_second_step_is_a_grid_round_the_best_of_the_first(killed: Killed) -> None:
    rate = float(f"{NEARBY * float(killed.rows(1)[0][LR]):.3g}")
    fine, diverged = killed.rows(2)
    assert [(float(row[LR]), float(row[DECAY])) for row in (fine, diverged)] == [
        (rate, 1e-4), (rate, DIVERGES)
    ]  # fmt: skip
    assert (fine["status"], fine["epochs"]) == ("finished", "2")
    assert sum(line.startswith("stage ") for line in killed.after) == 2
    text = "\n".join(killed.after)
    assert f"{LR} \\ {DECAY}" in text
    for row in (*killed.rows(1), fine):
        assert f"{float(row['val_mae']):.2f}" in text
    assert (killed.out / "report.html").read_text().startswith("<!doctype html>")


def test_a_trial_that_diverges_is_marked_not_tried_again_and_the_sweep_goes_on(
    killed: Killed,
) -> None:
    _, diverged = killed.rows(2)
    assert diverged["status"] == "failed"
    assert "the loss is no number in epoch 1: lower optimizer.lr" in diverged["cause"]
    said = f"trial {diverged['trial']}: failed: {diverged['cause']}"
    assert killed.after.count(said) == 1
    assert not any("lost workers" in line for line in killed.after)


def test_the_best_recipe_trains_and_serves(
    killed: Killed, small: Recipe, samples: dict[str, bytes]
) -> None:
    out, (row, _) = killed.out, killed.rows(2)
    best = load_recipe(out / "best.yaml")
    assert best.optimizer.lr == float(row[LR])
    assert best.loss.sigma_years == float(killed.rows(1)[0][SIGMA])
    assert best.epochs == small.epochs
    pipeline = FacePipeline(ModelOptions(age_checkpoint=out / "retrained" / "best"))
    (face,) = pipeline.faces(samples["hopper_1984.jpg"]).image.faces
    assert 0 <= face.age_prediction <= 120
    left = {path.name for path in (out / "trials").iterdir()}
    assert left == {killed.rows(1)[0]["trial"], row["trial"]}  # each stage keeps its best
    for trial_id in left:
        assert (out / "trials" / trial_id / "best" / "card.json").is_file()


def epochs_said(lines: list[str], trial_id: str) -> list[str]:
    """What a trial's epochs said."""
    return [line for line in lines if line.startswith(f"trial {trial_id}: epoch")]


def kill(run: subprocess.Popen[str]) -> None:
    """SIGKILL for the command and for all that it started, Ray's own processes too."""
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
    return SPACES.validated(Space, {"name": "own", "stages": [stage]})


@pytest.mark.usefixtures("ray_here")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"workers.count": 3}, "3 workers need 3 CPUs, and there are 2"),
        ({"data.sources": ["nowhere"]}, "nowhere"),
    ],
)
def test_what_cannot_be_is_refused_before_the_first_trial(
    changes: dict[str, Any], said: str, small: Recipe, tmp_path: Path
) -> None:
    space = one_stage(search="grid", epochs=1, parameters={LR: {"values": [0.001]}})
    with pytest.raises(FaceageError, match=said):
        sweep(space, changed(small, changes), str(tmp_path / "sweep"), log=lambda line: None)
    assert not (tmp_path / "sweep" / "stage-1").exists()


def test_a_folder_is_not_taken_by_another_sweep(small: Recipe, tmp_path: Path) -> None:
    from tune.folder import SweepFolder

    space = one_stage(search="grid", parameters={LR: {"values": [0.001]}})
    out = str(tmp_path / "sweep")
    with pytest.raises(InvalidArgument, match="no sweep in .* to resume"):
        SweepFolder.prepare(out, space, small, resume=True, overwrite=False)
    SweepFolder.prepare(out, space, small, resume=False, overwrite=False)
    with pytest.raises(InvalidArgument, match="already contains a sweep: resume or overwrite it"):
        SweepFolder.prepare(out, space, small, resume=False, overwrite=False)
    SweepFolder.prepare(out, space, small, resume=True, overwrite=False)
    other = changed(small, {"epochs": 4})
    with pytest.raises(InvalidArgument, match="another space or recipe"):
        SweepFolder.prepare(out, space, other, resume=True, overwrite=False)
    SweepFolder.prepare(out, space, other, resume=False, overwrite=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").touch()
    with pytest.raises(InvalidArgument, match="holds something else"):
        SweepFolder.prepare(str(tmp_path / "other"), space, small, resume=False, overwrite=False)
