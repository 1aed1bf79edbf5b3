"""The folder of a run: creation, resumption, and published checkpoints."""

from pathlib import Path

import pytest

from faceage_core.errors import InvalidArgument
from faceage_core.models.checkpoint import CHECKPOINT_FILES
from trainers.recipe import Recipe, load_recipe
from trainers.run_folder import RunFolder, resume_digest


def recipe(*changes: str) -> Recipe:
    return load_recipe("utkface_cpu", changes)


def prepared(
    out: Path, wanted: Recipe, *, resume: bool = False, overwrite: bool = False
) -> RunFolder:
    return RunFolder.prepare(str(out), wanted, resume=resume, overwrite=overwrite)


def test_the_recipe_is_written_and_loads(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "run", recipe("epochs=3"))
    assert load_recipe(tmp_path / "run" / "recipe.yaml") == recipe("epochs=3")
    assert (folder.parent, folder.name) == (str(tmp_path), "run")


def test_an_existing_run_is_resumed_overwritten_or_rejected(tmp_path: Path) -> None:
    out = tmp_path / "run"
    prepared(out, recipe())
    (out / "checkpoint_1").mkdir()
    with pytest.raises(InvalidArgument, match="already contains a run: resume or overwrite it"):
        prepared(out, recipe())
    prepared(out, recipe("workers.count=1", "patience=3"), resume=True)
    assert (out / "checkpoint_1").exists()
    with pytest.raises(InvalidArgument, match="overwrite cannot be combined with resume"):
        prepared(out, recipe(), resume=True, overwrite=True)
    prepared(out, recipe("epochs=2"), overwrite=True)
    assert not (out / "checkpoint_1").exists()


def test_only_the_same_recipe_is_resumed(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="contains no run to resume"):
        prepared(tmp_path / "run", recipe(), resume=True)
    prepared(tmp_path / "run", recipe())
    with pytest.raises(InvalidArgument, match=r"has optimizer\.lr=0\.001, not 0\.01") as caught:
        prepared(tmp_path / "run", recipe("optimizer.lr=0.01"), resume=True)
    assert caught.value.field == "optimizer.lr"


def test_a_run_with_an_unknown_augmentation_is_not_resumed(tmp_path: Path) -> None:
    prepared(tmp_path / "run", recipe())
    path = tmp_path / "run" / "recipe.yaml"
    path.write_text(path.read_text().replace("augmentation: varied", "augmentation: mission"))
    with pytest.raises(InvalidArgument, match="must be one of none, standard, varied"):
        prepared(tmp_path / "run", recipe(), resume=True)


def test_folders_with_other_files_are_not_changed(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    for choice in ({}, {"overwrite": True}):
        with pytest.raises(InvalidArgument, match="contains files that are not a run"):
            prepared(tmp_path / "home", recipe(), **choice)
    assert (tmp_path / "home" / "letter.txt").exists()


def test_workers_do_not_change_the_digest() -> None:
    assert resume_digest(recipe()) == resume_digest(recipe("workers.count=4", "data.loaders=2"))
    assert resume_digest(recipe()) != resume_digest(recipe("seed=1"))


def test_the_card_of_a_checkpoint_is_published_last(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "run", recipe())
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    for name in CHECKPOINT_FILES:
        (checkpoint / name).write_bytes(name.encode())
    folder.publish("best", checkpoint)
    best = tmp_path / "run" / "best"
    assert {path.name: path.read_text() for path in best.iterdir()} == {
        name: name for name in CHECKPOINT_FILES
    }
    (checkpoint / "card.json").unlink()
    (checkpoint / "model.safetensors").write_bytes(b"others")
    with pytest.raises(FileNotFoundError):
        folder.publish("best", checkpoint)
    assert not (best / "card.json").exists()  # an incomplete checkpoint has no card
