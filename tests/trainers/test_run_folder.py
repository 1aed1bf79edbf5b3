"""The folder of a run: never two runs in one, never another's continuation."""

from pathlib import Path

import pytest

from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidArgument
from trainers.recipe import Recipe, load_recipe
from trainers.run_folder import RunFolder, digest_of


def recipe(*changes: str) -> Recipe:
    return load_recipe("utkface_cpu", changes)


def prepared(
    out: Path, made: Recipe, *, resume: bool = False, overwrite: bool = False
) -> RunFolder:
    return RunFolder.prepare(str(out), made, resume=resume, overwrite=overwrite)


def test_the_recipe_is_kept_and_reads_back(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "run", recipe("epochs=3"))
    assert load_recipe(tmp_path / "run" / "recipe.yaml") == recipe("epochs=3")
    assert (folder.parent, folder.name) == (str(tmp_path), "run")


def test_a_run_that_is_there_is_resumed_replaced_or_refused(tmp_path: Path) -> None:
    out = tmp_path / "run"
    prepared(out, recipe())
    (out / "checkpoint_1").mkdir()
    with pytest.raises(InvalidArgument, match="--resume goes on with it, --overwrite replaces it"):
        prepared(out, recipe())
    prepared(out, recipe("workers.count=1", "patience=3"), resume=True)
    assert (out / "checkpoint_1").exists()
    with pytest.raises(InvalidArgument, match="either --resume or --overwrite, not both"):
        prepared(out, recipe(), resume=True, overwrite=True)
    prepared(out, recipe("epochs=2"), overwrite=True)
    assert not (out / "checkpoint_1").exists()


def test_only_the_same_training_is_resumed(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="there is no run in"):
        prepared(tmp_path / "run", recipe(), resume=True)
    prepared(tmp_path / "run", recipe())
    with pytest.raises(InvalidArgument, match=r"has optimizer\.lr=0\.001, not 0\.01") as caught:
        prepared(tmp_path / "run", recipe("optimizer.lr=0.01"), resume=True)
    assert caught.value.field == "optimizer.lr"


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    for choice in ({}, {"overwrite": True}):
        with pytest.raises(InvalidArgument, match="holds something else than a run"):
            prepared(tmp_path / "home", recipe(), **choice)
    assert (tmp_path / "home" / "letter.txt").exists()


def test_who_works_does_not_change_what_is_trained() -> None:
    assert digest_of(recipe()) == digest_of(recipe("workers.count=4", "data.loaders=2"))
    assert digest_of(recipe()) != digest_of(recipe("seed=1"))


def test_a_checkpoint_is_published_with_its_card_last(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "run", recipe())
    made = tmp_path / "made"
    made.mkdir()
    (made / "model.safetensors").write_bytes(b"weights")
    (made / "card.json").write_bytes(b"card")
    source = Folder.at(str(made))
    folder.publish("best", source.filesystem, source.path)
    best = tmp_path / "run" / "best"
    assert (best / "model.safetensors").read_bytes() == b"weights"
    (made / "card.json").unlink()
    (made / "model.safetensors").write_bytes(b"others")
    with pytest.raises(FileNotFoundError):
        folder.publish("best", source.filesystem, source.path)
    assert not (best / "card.json").exists()  # half of it is no checkpoint
