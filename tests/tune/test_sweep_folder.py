"""The folder of a sweep: new, resumed, replaced or rejected."""

from pathlib import Path

import pytest

from faceage_core.errors import InvalidArgument
from trainers.recipe import Recipe, changed, load_recipe
from tune.space import SPACES, Space
from tune.sweep_folder import SweepFolder

STAGE = {"search": "grid", "parameters": {"optimizer.lr": {"values": [0.001]}}}


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("utkface_cpu")


def prepare(
    out: Path, recipe: Recipe, *, resume: bool = False, overwrite: bool = False
) -> SweepFolder:
    space = SPACES.validate(Space, {"name": "own", "stages": [STAGE]})
    return SweepFolder.prepare(str(out), space, recipe, resume=resume, overwrite=overwrite)


def rejected_field(out: Path, recipe: Recipe, *, resume: bool = False) -> str | None:
    """Return the field of the error."""
    with pytest.raises(InvalidArgument, match="sweep") as caught:
        prepare(out, recipe, resume=resume)
    return caught.value.field


def test_a_sweep_is_resumed_only_where_there_is_one(recipe: Recipe, tmp_path: Path) -> None:
    assert rejected_field(tmp_path / "sweep", recipe, resume=True) == "resume"
    prepare(tmp_path / "sweep", recipe)
    prepare(tmp_path / "sweep", recipe, resume=True)


def test_a_sweep_is_replaced_only_on_request(recipe: Recipe, tmp_path: Path) -> None:
    folder = prepare(tmp_path / "sweep", recipe)
    folder.folder.write("results.csv", b"")
    assert rejected_field(tmp_path / "sweep", recipe) == "out"
    assert (tmp_path / "sweep" / "results.csv").exists()
    prepare(tmp_path / "sweep", changed(recipe, {"epochs": 4}), overwrite=True)
    assert not (tmp_path / "sweep" / "results.csv").exists()


def test_a_sweep_of_another_recipe_is_not_resumed(recipe: Recipe, tmp_path: Path) -> None:
    prepare(tmp_path / "sweep", recipe)
    other = changed(recipe, {"epochs": 4})
    with pytest.raises(InvalidArgument, match="another space or recipe") as caught:
        prepare(tmp_path / "sweep", other, resume=True)
    assert caught.value.field == "resume"


def test_a_folder_with_other_files_is_rejected(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert rejected_field(tmp_path, recipe) == "out"
