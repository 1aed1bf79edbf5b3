"""`faceage evaluate` on real Ray, with a checkpoint of seeded weights and generated faces."""

import errno
import io
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
import torch
from PIL import Image

from faceage_core.age.estimator import AgeEstimator
from faceage_core.cards.input import InputSpec
from faceage_core.cards.model_card import AgeCard, HeadSpec
from faceage_core.data.layout import find_layout
from faceage_core.data.training.dataset import FaceDataset
from faceage_core.data.training_crop import training_crop
from faceage_core.errors import InvalidCheckpoint, StorageError
from faceage_core.evaluation.age.provenance import center_fraction
from faceage_core.evaluation.age.report import AgeReport
from faceage_core.images import decode
from faceage_core.models.age_network import build_network
from faceage_core.models.bundles import resolve
from faceage_core.models.checkpoint import save_checkpoint
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.loading import load_age_network
from faceage_core.types import Attributes
from tests.core.data.factories import row, write_prepared
from trainers import evaluate as evaluate_cli
from trainers import evaluation

FACES = 11


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A temporary cache of data sets, also for Ray's workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seeded weights; those of the age head are scaled so that faces differ in age."""
    card = AgeCard(
        name="seeded",
        version="1",
        summary="for tests",
        architecture="resnet18",
        heads=(HeadSpec(task="age", outputs=101), HeadSpec(task="gender", outputs=1)),
        weights=(),
        origin="made here",
        license="CC0-1.0",
        input=InputSpec(crop=training_crop(64, 0.25), mean=(127.5,) * 3, scale=(1 / 128,) * 3),
        age_bins_years=tuple(float(age) for age in range(101)),
        gender_bins=("female", "male"),
    )
    torch.manual_seed(0)
    network = build_network(card.architecture, card.heads)
    state = {
        name: value * 4 if name.startswith("heads.age") else value
        for name, value in network.state_dict().items()
    }
    path = tmp_path_factory.mktemp("runs") / "best"
    save_checkpoint(path, state, card)
    return path


def prepared(root: Path, rows: list[dict[str, object]], *, margin: float = 0.25) -> Path:
    """A data set with one split, whose faces were cropped with this margin."""
    changes = {
        "crop": training_crop(160, margin),
        "read": len(rows) + 3,
        "rejected": {"no_face": 2, "unreadable_image": 1},
        "split_hash": "53177",
    }
    return write_prepared(root, {"val": rows}, manifest=changes)


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [row(seed, age_years=3.0 + 7 * seed, identity=f"p{seed % 4}") for seed in range(FACES)]
    return prepared(tmp_path_factory.mktemp("prepared") / "faces", rows)


@pytest.fixture(scope="module")
def direct(checkpoint: Path, faces: Path) -> list[Attributes]:
    """The estimate of each face alone, without Ray."""
    options = ModelOptions(age_checkpoint=checkpoint)
    estimator = AgeEstimator(load_age_network(resolve(options), options), None)
    images = FaceDataset(faces, "val", size_px=64, races=())
    found = []
    for number in range(FACES):
        crop = images[number][0].permute(1, 2, 0).numpy()[None]
        found.append(estimator.estimate({"age": crop})[0])
    return found


def test_the_center_of_wider_crops_is_evaluated(
    checkpoint: Path, direct: list[Attributes], tmp_path: Path
) -> None:
    def wider(image: bytes) -> bytes:
        stream = io.BytesIO()
        padded = np.pad(decode(image), ((20, 20), (20, 20), (0, 0)))
        Image.fromarray(padded).save(stream, "PNG")
        return stream.getvalue()

    rows = [row(seed, image=wider(row(seed)["image"])) for seed in range(FACES)]
    wide = prepared(tmp_path / "wide", rows, margin=1.25 / 0.8 - 1)
    options = ModelOptions(age_checkpoint=checkpoint)
    share = center_fraction(resolve(options).age, find_layout(wide).manifest, "wide")
    job = evaluation._Job(options, find_layout(str(wide)), "val", FACES, FACES, share)
    chunk = evaluation._EstimatorActor(job)({"item": np.array([0])})
    means = np.frombuffer(chunk["means"][0])
    np.testing.assert_allclose(means, [one.age.mean for one in direct], atol=1e-3)


def run(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run `faceage evaluate ...` in this process; returns its exit code."""
    from faceage_core.cli.main import main

    monkeypatch.setattr(sys, "argv", ["faceage", "evaluate", *argv])
    monkeypatch.setenv("COLUMNS", "80")
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.mark.slow
def test_the_report_matches_the_estimates(
    checkpoint: Path,
    faces: Path,
    direct: list[Attributes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    seen: list[evaluation.Evaluation] = []
    real = evaluation.evaluate

    def watched(*args: Any, **options: Any) -> evaluation.Evaluation:
        seen.append(real(*args, **options, chunk=4))  # several workers must get faces
        return seen[-1]

    monkeypatch.setattr(evaluation, "evaluate", watched)
    assert run([str(checkpoint), str(faces)], monkeypatch) == 0
    assert not ray.is_initialized()

    found = seen[0].predictions
    means = np.array([estimate.age.mean for estimate in direct])
    assert np.ptp(means) > 1  # ages differ, so a wrong order would be found
    np.testing.assert_allclose(found.estimated_years, means, atol=1e-3)
    rows = np.array([estimate.age.probabilities for estimate in direct])
    np.testing.assert_allclose(found.probabilities, rows, atol=1e-5)
    assert found.true_years.tolist() == [3 + 7 * seed for seed in range(FACES)]
    assert found.gender.tolist() == [("female", "male")[seed % 2] for seed in range(FACES)]
    read = [estimate.gender.label if estimate.gender else "" for estimate in direct]
    assert found.estimated_gender.tolist() == read

    out = tmp_path / "evaluation" / "best-faces-val"
    report = AgeReport.model_validate_json((out / "report.json").read_bytes())
    assert report == seen[0].report
    true = 3.0 + 7 * np.arange(FACES)
    assert report.overall.mae.value == pytest.approx(float(np.abs(means - true).mean()), abs=1e-3)
    assert (report.overall.n, report.overall.subjects) == (FACES, 4)
    assert report.gender is not None
    right = sum(
        stated == predicted for stated, predicted in zip(found.gender.tolist(), read, strict=True)
    )
    assert (report.gender.all.n, report.gender.all.count) == (FACES, right)
    assert (report.model.crop_px, report.data.stored_px) == (64, 160)
    assert (report.model.name, report.data.split_hash) == ("seeded", "53177")
    assert report.command == f"faceage evaluate {checkpoint} {faces} --split val"
    shown = capsys.readouterr()
    assert f"seeded 1 on faces, val: {FACES} faces aged 3 to 73" in shown.out
    assert "no face was found in 2 of 14 images" in shown.out
    assert "wrote evaluation/best-faces-val/report.md" in shown.out
    assert "…" not in shown.out  # no cell is truncated on a terminal of 80 columns
    assert "error" not in shown.err


@pytest.mark.slow
def test_the_error_about_an_undecodable_image_is_one_line(
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = prepared(tmp_path / "broken", [row(1), row(2, image=b"no image"), row(3)])
    out = tmp_path / "out"
    assert run([str(checkpoint), str(broken), "--out", str(out)], monkeypatch) == 1
    shown = capsys.readouterr()
    assert "error: image 1 of val:" in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("argv", "code", "line"),
    [
        (["{tmp}/gone", "{faces}"], 1, "gone is not a checkpoint: missing card.json"),
        (["{checkpoint}", "{tmp}/gone"], 1, "gone is not a directory"),
        (["{checkpoint}", "{tmp}"], 1, "has no manifest.json"),
        (["{checkpoint}", "{faces}", "--split", "test"], 1, "has no split 'test'; it has val"),
        (["{checkpoint}", "{tmp}/tighter"], 2, "needs the eyes at"),
        (["{checkpoint}", "{faces}", "--device", "cuda:1"], 2, "--device must be one of cpu, cuda"),
        (["{checkpoint}", "{faces}", "--out", "{tmp}"], 2, "contains other files (tighter)"),
    ],
)
def test_an_error_is_one_line_and_does_not_start_ray(
    argv: list[str],
    code: int,
    line: str,
    checkpoint: Path,
    faces: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def never(address: str | None) -> None:
        raise AssertionError("Ray was started")

    monkeypatch.setattr(evaluation, "ray_session", never)
    monkeypatch.chdir(tmp_path)
    prepared(tmp_path / "tighter", [row(1)], margin=0.1)
    places = {"tmp": tmp_path, "faces": faces, "checkpoint": checkpoint}
    assert run([word.format(**places) for word in argv], monkeypatch) == code
    shown = capsys.readouterr()
    assert line in shown.err
    assert len(shown.err.strip().splitlines()) == 1
    assert shown.out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["tighter"]


def test_a_full_disk_of_a_worker_is_a_storage_error(
    checkpoint: Path, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/cache/faces.arrow")

    monkeypatch.setattr(evaluation, "FaceDataset", full)
    options = ModelOptions(age_checkpoint=checkpoint)
    job = evaluation._Job(options, find_layout(faces), "val", FACES, 4, 1.0)
    chunk = evaluation._EstimatorActor(job)({"item": np.array([0])})
    assert chunk["code"] == ["storage_error"]
    assert chunk["message"] == ["a worker cannot read or write: No space left on device"]
    error = evaluation._rebuild_error("storage_error", "full")
    assert isinstance(error, StorageError)
    assert error.message == "full"


def test_nan_is_an_error_of_the_checkpoint(
    checkpoint: Path, faces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.full((FACES, 2), 0.5)
    rows[4] = np.nan
    chunk = {
        "bins": np.array([20.0, 30.0]).tobytes(),
        "means": rows.sum(axis=1).tobytes(),
        "probabilities": rows.tobytes(),
        "gender": [""] * FACES,
    }
    monkeypatch.setattr(evaluation, "ray_session", nullcontext)
    monkeypatch.setattr(evaluation, "_estimate_chunks", lambda job, progress: [chunk])
    with pytest.raises(InvalidCheckpoint, match="returned NaN or infinity for 1 of 11 faces"):
        evaluation.evaluate(checkpoint, str(faces))


def test_the_command_is_quoted_for_a_shell() -> None:
    command = evaluation.evaluation_command("my runs/best", "s3://b/faces", "val", "cuda")
    assert command == "faceage evaluate 'my runs/best' s3://b/faces --split val --device cuda"


def test_help_shows_an_example(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate_cli.evaluate.__doc__
    assert run(["--help"], monkeypatch) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "Example: faceage evaluate runs/best prepared/utkface --split val" in shown
