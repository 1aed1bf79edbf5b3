"""Sweeps as they are run: real Ray Tune over real Ray Train, on real faces."""

import csv
import os
import signal
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from faceage_core.errors import FaceageError, InvalidArgument, TrainingFailed
from faceage_core.options import ModelOptions
from faceage_core.pipeline import FacePipeline
from trainers.recipe import Recipe, changed, load_recipe
from tune.space import SPACES, Space, load_space
from tune.sweep import Swept, sweep

pytestmark = [pytest.mark.data, pytest.mark.slow]

TRIALS = 8
LR, DECAY, SIGMA = "optimizer.lr", "optimizer.weight_decay", "loss.sigma_years"


def one_stage(**stage: Any) -> Space:
    return SPACES.validated(Space, {"name": "own", "stages": [stage]})


def ends(lines: list[str], trial: str) -> list[str]:
    """What a trial's epochs said."""
    return [line for line in lines if line.startswith(f"trial {trial}: epoch")]


@pytest.mark.timeout(900)
def test_a_sweep_that_is_killed_goes_on_and_its_best_recipe_trains_and_serves(
    small: Recipe, samples: dict[str, bytes], tmp_path: Path
) -> None:
    (stage,) = load_space("asha_lr_wd_sigma").stages
    space = {
        "name": "short",
        "stages": [stage.model_dump(mode="json", exclude_none=True) | {"trials": TRIALS}],
    }
    (tmp_path / "space.yaml").write_text(yaml.safe_dump(space))
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(small.model_dump(mode="json")))
    out = tmp_path / "sweep"

    def start(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tune.sweep", "--config", str(tmp_path / "space.yaml")]
        command += ["--recipe", str(tmp_path / "recipe.yaml"), "--out", str(out), *options]
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONUNBUFFERED": "1"},
        )

    first = start()
    assert first.stdout is not None
    before: list[str] = []
    while sum(line.endswith(": ended\n") for line in before) < 3:
        before.append(first.stdout.readline())
        assert before[-1], first.stderr.read() if first.stderr else ""
    kill(first)
    assert most_at_once(before) == 2  # trials of one worker, on two cores
    ended = {line.split()[1][:-1] for line in before if line.endswith(": ended\n")}
    kept = {path.name: path.read_bytes() for path in (out / "journal").iterdir()}

    again = start("--resume", "--retrain")
    text, errors = again.communicate(timeout=600)
    assert again.returncode == 0, errors
    after = text.splitlines()
    for trial in ended:
        assert ends(before, trial)
        assert not ends(after, trial)
    for path in (out / "journal").iterdir():
        if b'"ended": true' in kept.get(path.name, b""):
            assert path.read_bytes() == kept[path.name]

    rows = list(csv.DictReader((out / "results.csv").read_text().splitlines()))
    assert len({row["trial"] for row in rows}) == TRIALS
    assert ended < {row["trial"] for row in rows}
    maes = [float(row["val_mae"]) for row in rows]
    assert maes[0] == min(maes)
    assert maes[0] < statistics.median(maes)
    epochs = [int(row["epochs"]) for row in rows]
    assert sum(row["status"] == "stopped early" for row in rows) >= TRIALS / 2
    assert sum(epochs) < 0.6 * TRIALS * small.epochs
    assert epochs[0] == small.epochs
    assert f"{sum(epochs)} epochs trained; all trials to their end: {TRIALS * small.epochs}" in text
    assert (out / "report.html").read_text().startswith("<!doctype html>")

    best = load_recipe(out / "best.yaml")
    assert best.optimizer.lr == float(rows[0][LR])
    assert best.loss.sigma_years == float(rows[0][SIGMA])
    assert best.epochs == small.epochs
    pipeline = FacePipeline(ModelOptions(age_checkpoint=out / "retrained" / "best"))
    (face,) = pipeline.faces(samples["hopper_1984.jpg"]).image.faces
    assert 0 <= face.age_prediction <= 120
    left = [path.name for path in (out / "trials").iterdir()]
    assert len(left) == 1
    assert (out / "trials" / left[0] / "best" / "card.json").is_file()


def most_at_once(lines: list[str]) -> int:
    """Trials that had started and not ended."""
    running, most = 0, 0
    for line in lines:
        running += line.startswith("trial") and f"{LR}=" in line
        running -= line.endswith(": ended\n")
        most = max(most, running)
    return most


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


def swept(space: Space, recipe: Recipe, out: Path, **options: Any) -> tuple[Swept, list[str]]:
    lines = Lines()
    return sweep(space, recipe, str(out), say=lines, **options), lines.said()


class Lines:
    """Gathers lines, also after it has been pickled, in this process."""

    _gathered: dict[int, list[str]] = {}

    def __init__(self, key: int | None = None) -> None:
        self._key = key or len(self._gathered) + 1
        self._gathered.setdefault(self._key, [])

    def __call__(self, line: str) -> None:
        self._gathered[self._key].append(line)

    def __reduce__(self) -> tuple[object, ...]:
        return Lines, (self._key,)

    def said(self) -> list[str]:
        return self._gathered[self._key]


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("ray_here")
def test_the_missions_two_steps_print_two_tables(small: Recipe, tmp_path: Path) -> None:
    # Fewer values and epochs than the shipped space has, which test_space.py compares with the
    # mission's; otherwise the same.
    document = load_space("lr_then_grid").model_dump(mode="json", exclude_none=True)
    first_stage, second_stage = document["stages"]
    first_stage["epochs"], second_stage["epochs"] = 1, 2
    first_stage["parameters"][LR]["values"] = [0.01, 0.0001]
    second_stage["parameters"][LR]["around_best"] = [0.33, 1]
    second_stage["parameters"][DECAY]["values"] = [0, 1e-4]
    result, lines = swept(SPACES.validated(Space, document), small, tmp_path / "sweep")

    first = [trial for trial in result.trials if trial.stage == 1]
    second = [trial for trial in result.trials if trial.stage == 2]
    assert [trial.values for trial in first] == [{LR: 0.01}, {LR: 0.0001}]
    assert {trial.epochs for trial in first} == {1}
    best = min(first, key=lambda trial: trial.mae).values[LR]
    rates = [float(f"{best * factor:.3g}") for factor in (0.33, 1)]
    assert sorted((trial.values[LR], trial.values[DECAY]) for trial in second) == sorted(
        (rate, decay) for rate in rates for decay in (0, 1e-4)
    )
    assert {trial.epochs for trial in second} == {2}
    tables = [line for line in lines if line.startswith("stage ")]
    assert len(tables) == 2
    for trial in result.trials:
        assert f"{trial.mae:.2f}" in tables[trial.stage - 1]
    assert f"{LR} \\ {DECAY}" in tables[1]
    assert result.best in second
    assert result.recipe == changed(result.recipe, result.best.values)
    assert result.recipe.epochs == small.epochs


@pytest.mark.usefixtures("ray_here")
def test_a_diverging_trial_is_marked_and_the_sweep_goes_on(small: Recipe, tmp_path: Path) -> None:
    space = one_stage(search="grid", epochs=1, parameters={LR: {"values": [1e30, 0.001]}})
    result, lines = swept(space, small, tmp_path / "sweep")
    failed, fine = result.trials
    assert (failed.status, fine.status) == ("failed", "finished")
    assert "the loss is no number in epoch 1" in failed.cause
    assert result.best == fine
    assert any(f"trial {failed.id}: failed: the loss is no number" in line for line in lines)
    assert "the loss is no number" in (tmp_path / "sweep" / "results.csv").read_text()


@pytest.mark.usefixtures("ray_here")
def test_a_sweep_whose_every_trial_fails_says_why(small: Recipe, tmp_path: Path) -> None:
    space = one_stage(search="grid", epochs=1, parameters={LR: {"values": [1e30]}})
    with pytest.raises(TrainingFailed, match="all 1 trials failed; the first: the loss is no num"):
        swept(space, small, tmp_path / "sweep")
    assert "failed" in (tmp_path / "sweep" / "results.csv").read_text()


@pytest.mark.usefixtures("ray_here")
def test_optuna_chooses_trials(small: Recipe, tmp_path: Path) -> None:
    (stage,) = load_space("optuna_lr_wd_sigma").stages
    space = Space(name="own", stages=(stage.model_copy(update={"trials": 2, "epochs": 1}),))
    result, _ = swept(space, small, tmp_path / "sweep")
    assert len({trial.values[LR] for trial in result.trials}) == 2
    for trial in result.trials:
        assert 0.0001 <= trial.values[LR] <= 0.03
        assert 1 <= trial.values[SIGMA] <= 4
        assert trial.epochs == 1


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
        swept(space, changed(small, changes), tmp_path / "sweep")
    assert not (tmp_path / "sweep" / "stage-1").exists()


def test_a_folder_is_not_taken_by_another_sweep(small: Recipe, tmp_path: Path) -> None:
    from tune.folder import SweepFolder

    space = one_stage(search="grid", parameters={LR: {"values": [0.001]}})
    out = str(tmp_path / "sweep")
    with pytest.raises(InvalidArgument, match="no sweep in .* to resume"):
        SweepFolder.prepare(out, space, small, resume=True, overwrite=False)
    SweepFolder.prepare(out, space, small, resume=False, overwrite=False)
    with pytest.raises(InvalidArgument, match="--resume goes on with it"):
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
