"""Training with real Ray Train, two gloo workers and real faces."""

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
import torch
from safetensors.torch import load_file
from torch.multiprocessing.spawn import start_processes

from faceage_core.cards.catalog import find_checkpoint
from faceage_core.data.storage import Folder
from faceage_core.errors import FaceageError, InvalidArgument
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import FacePipeline
from faceage_core.pipeline.loading import load_age
from faceage_core.ports import free_port
from tests.core.data.factories import damage_pages
from tests.trainers.factories import short_recipe, train_here
from trainers import worker
from trainers.fit import TrainingResult, train
from trainers.optimizer_step import OptimizerStep
from trainers.recipe import Recipe, load_recipe
from trainers.resume_state import MODEL_FOLDER, PROGRESS_FILE, RESUME_FOLDER, parse_progress
from trainers.samplers import WorkerRank
from trainers.training_loop import TrainingLoop

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.usefixtures("ray_here")]


def run(recipe: Recipe, out: Path, **options: Any) -> tuple[TrainingResult, list[str]]:
    lines: list[str] = []
    return train(recipe, str(out), log=lines.append, **options), lines


def epochs_in(lines: list[str]) -> list[str]:
    """The beginnings of the lines about epochs, without those about steps of a slow epoch."""
    return [line.partition(",")[0] for line in lines if re.match(r"epoch \d+,", line)]


@dataclass(frozen=True)
class Run:
    """A complete run, its log, and its folder."""

    result: TrainingResult
    lines: list[str]
    folder: Path


@pytest.fixture(scope="module")
def uninterrupted(
    ray_here: None, faces: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Run]:
    """A function that trains by a recipe, once for each."""

    @cache
    def train_by(name: str) -> Run:
        folder = tmp_path_factory.mktemp(name)
        result, lines = run(short_recipe(name, faces, folder), folder / "run")
        return Run(result, lines, folder / "run")

    return train_by


def test_a_run_has_its_epochs_its_workers_and_its_recipe(
    uninterrupted: Callable[[str], Run],
) -> None:
    run = uninterrupted("utkface_cpu")
    first, second = run.result.history
    assert second["train_loss"] < first["train_loss"]
    assert first["workers"] == 2
    assert "GFLOPs per image" in run.lines[0]
    assert epochs_in(run.lines) == ["epoch 1", "epoch 2"]
    assert load_recipe(run.folder / "recipe.yaml").name == "utkface_cpu"


def test_a_resumed_run_reaches_the_same_weights(
    uninterrupted: Callable[[str], Run], faces: Path, tmp_path: Path
) -> None:
    def recipe(*changes: str) -> Recipe:
        return short_recipe("utkface_cpu", faces, tmp_path, *changes)

    interrupted = tmp_path / "interrupted"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "train_loop_per_worker", _killed_after_an_epoch)
        with pytest.raises(FaceageError, match="the training failed: Killed"):
            run(recipe("workers.max_failures=0"), interrupted)
    with pytest.raises(InvalidArgument, match="already contains a run: resume or overwrite it"):
        run(recipe(), interrupted)
    with pytest.raises(InvalidArgument, match=r"has loss\.sigma_years=2\.0, not 3\.0"):
        run(recipe("loss.sigma_years=3.0"), interrupted, resume=True)
    trained, lines = run(recipe(), interrupted, resume=True)
    assert epochs_in(lines) == ["epoch 2"]
    assert [entry["epoch"] for entry in trained.history] == [1, 2]

    for name in ("best", "last"):
        whole = load_file(uninterrupted("utkface_cpu").folder / name / "model.safetensors")
        resumed = load_file(interrupted / name / "model.safetensors")
        assert whole.keys() == resumed.keys()
        assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_a_lost_worker_is_replaced_and_the_metrics_equal_those_of_an_uninterrupted_run(
    uninterrupted: Callable[[str], Run], faces: Path, tmp_path: Path
) -> None:
    out = tmp_path / "interrupted"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            worker, "train_loop_per_worker", _killed_in_the_second_epoch(tmp_path / "died", out)
        )
        trained, lines = run(short_recipe("utkface_cpu", faces, tmp_path), out)
    assert (tmp_path / "died").exists()
    (line,) = [line for line in lines if "lost workers" in line]
    assert "new ones continue from the end of epoch 1" in line
    assert [entry["val_mae"] for entry in trained.history] == [
        entry["val_mae"] for entry in uninterrupted("utkface_cpu").result.history
    ]


def test_two_workers_take_the_same_steps_as_one(faces: Path, tmp_path: Path) -> None:
    # Without dropout and batch normalisation, which differ between workers, all must agree.
    heads = (
        "network.heads=[{task: age, kind: dense_256_64, outputs: 101},"
        " {task: gender, kind: dense_256_64, outputs: 1}]"
    )
    same = [
        "data.limit=48",
        "input.size_px=32",
        "precision=fp32",
        "batch_size=16",
        "loss.balance=weights",
        heads,
    ]
    recipe = short_recipe("vgg16_age_gender", faces, tmp_path, *same, "loss.age=kl")

    def trained(workers: int) -> tuple[list[dict[str, Any]], dict[str, torch.Tensor]]:
        out = tmp_path / f"by_{workers}"
        start_processes(  # type: ignore[no-untyped-call]  # torch gives it no types
            _train_as, args=(workers, free_port(), recipe, out), nprocs=workers
        )
        state = parse_progress((out / RESUME_FOLDER / PROGRESS_FILE).read_bytes())
        return state.history, load_file(out / MODEL_FOLDER / "model.safetensors")

    (one, weights), (two, others) = trained(1), trained(2)
    assert [epoch["workers"] for epoch in two] == [2, 2]
    for alone, shared in zip(one, two, strict=True):
        for metric in ("train_loss", "val_mae", "val_kl", "val_cs5", "val_gender_accuracy"):
            assert shared[metric] == pytest.approx(alone[metric], rel=1e-3), metric
    for name, values in weights.items():
        torch.testing.assert_close(others[name], values, rtol=1e-3, atol=1e-4)


def test_evaluation_and_library_predict_the_same_ages(
    uninterrupted: Callable[[str], Run], faces: Path, data_dir: Path
) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from benchmarks.age import on_canvas
    from faceage_core.data.layout import find_layout
    from trainers.evaluation import evaluate

    run = uninterrupted("utkface_cpu")  # it has a temperature and a center < 1
    checkpoint = run.folder / "best"
    evaluated = evaluate(checkpoint, str(faces))
    reported = min(entry["val_mae"] for entry in run.result.history)
    assert evaluated.report.overall.mae.value == pytest.approx(reported, abs=0.1)  # bf16 and fp32
    layout = find_layout(str(faces))
    (part,) = layout.parts("val")
    with layout.open(part) as file:
        names = file.read(["name"])["name"].to_pylist()
    raw = pq.read_table(data_dir / "utkface_trainval.parquet", columns=["file", "image"])
    raw = raw.filter(pc.is_in(raw["file"], value_set=pa.array(names)))
    photos = dict(zip(raw["file"].to_pylist(), raw["image"].to_pylist(), strict=True))
    pipeline = FacePipeline(ModelOptions(age_checkpoint=checkpoint))
    served = []
    for name in names:
        answer = pipeline.faces(on_canvas(photos[name])).image
        middle = (answer.width / 2, answer.height / 2)
        face = min(answer.faces, key=lambda face: abs(face.bbox[0] + face.bbox[2] - 2 * middle[0]))
        served.append(face.age_prediction)
    true = evaluated.predictions.true_years
    assert np.abs(np.array(served) - true).mean() == pytest.approx(
        evaluated.report.overall.mae.value, abs=0.3
    )


def test_a_run_in_another_file_system_stops_early_and_has_all_its_files(
    faces: Path, tmp_path: Path
) -> None:
    from pyarrow import fs

    from trainers.fit import fit, publish_checkpoints
    from trainers.run_folder import RunFolder

    # The steps are too small to change a weight: no epoch is better than the first.
    never_better = ["optimizer.lr=1e-12", "epochs=6", "patience=2", "workers.count=[1, 2]"]
    bins = ["network.heads=[{task: age, kind: dense_256_64, outputs: 101}]", "loss.age=kl"]
    recipe = short_recipe(
        "vgg16_age_gender",
        faces,
        tmp_path,
        *["data.limit=32", "input.size_px=32", "sample_faces=8", *bins, *never_better],
    )
    (tmp_path / "bucket").mkdir()
    store = fs.SubTreeFileSystem(str(tmp_path / "bucket"), fs.LocalFileSystem())
    folder = RunFolder(Folder(store, "models/run"))
    history = publish_checkpoints(fit(recipe, folder), folder)
    assert [entry["best_epoch"] for entry in history] == [1, 1, 1]
    assert history[0]["workers"] == 2  # the maximum

    there = tmp_path / "bucket" / "models" / "run"
    assert json.loads((there / "history.json").read_text()) == history
    assert find_checkpoint(there / "best")[0].name == "vgg16_age_gender"
    (events,) = (there / "tensorboard").iterdir()
    content = events.read_bytes()
    for curve in (b"train_loss", b"val_mae", b"val_kl", b"val_mae_by_decade/20-29", b"faces"):
        assert curve in content
    options = ModelOptions(age_checkpoint=there / "last")
    load_age(resolve(options), options)


def test_a_damaged_data_set_is_not_reported_as_a_lost_worker(faces: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(faces, damaged)
    damage_pages(damaged / "train" / "part-00000.parquet")
    lines: list[str] = []
    with pytest.raises(FaceageError, match=r"^train/part-00000.parquet of damaged is damaged: "):
        train(
            short_recipe("utkface_cpu", damaged, tmp_path), str(tmp_path / "run"), log=lines.append
        )
    assert not any("lost workers" in line for line in lines)


class Killed(Exception):
    """Simulates a run that is stopped from outside."""


def _killed_after_an_epoch(config: dict[str, Any]) -> None:
    assert worker.MALLOC_VARIABLES.items() <= os.environ.items()  # only workers have them
    report = ray.train.report

    def report_once(*args: Any, **options: Any) -> None:
        report(*args, **options)
        ray.train.get_all_reported_checkpoints()  # waits until Ray knows of the epoch's end
        raise Killed

    ray.train.report = report_once
    _TRAIN(config)


def _killed_in_the_second_epoch(marker: Path, out: Path) -> Any:
    snapshot = out / "checkpoint_manager_snapshot.json"  # Ray writes it when it registers an epoch

    def train_and_die(config: dict[str, Any]) -> None:
        import signal

        step = OptimizerStep.__call__
        run_epoch = TrainingLoop.run_epoch
        epochs: list[int] = []

        def count_epochs(self: Any, *args: Any, **options: Any) -> Any:
            epochs.append(self._progress.epochs_done)
            return run_epoch(self, *args, **options)

        def step_and_die(self: Any, *args: Any, **options: Any) -> Any:
            second = ray.train.get_context().get_world_rank() == 1
            if second and epochs[-1] == 1 and not marker.exists():
                while not snapshot.exists():  # Ray has not registered the first epoch yet
                    time.sleep(0.1)
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return step(self, *args, **options)

        TrainingLoop.run_epoch = count_epochs  # type: ignore[method-assign]
        OptimizerStep.__call__ = step_and_die  # type: ignore[method-assign]
        _TRAIN(config)

    return train_and_die


_TRAIN = worker.train_loop_per_worker


def _train_as(rank: int, workers: int, port: int, recipe: Recipe, out: Path) -> None:
    """Train as one worker in a plain process, which starts faster than one of Ray's."""
    variables = {
        "RANK": rank,
        "WORLD_SIZE": workers,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }
    local = {"LOCAL_RANK": rank, "LOCAL_WORLD_SIZE": workers}
    os.environ |= {name: str(value) for name, value in (variables | local).items()}
    train_here(recipe, out, WorkerRank(rank, workers))
