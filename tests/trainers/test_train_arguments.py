"""Where `faceage train` takes the recipe and the overrides from."""

import sys
from typing import Any

import pytest

from faceage_core.errors import InvalidArgument
from trainers import fit, train
from trainers.recipe import Recipe


class TrainingStarted(Exception):
    """The arguments were accepted."""


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[Recipe, str]:
    """Run the command; returns the recipe and the output location that it would train with."""
    started: list[tuple[Recipe, str]] = []

    def start(recipe: Recipe, out: str, **options: Any) -> None:
        started.append((recipe, out))
        raise TrainingStarted

    monkeypatch.setattr(fit, "train", start)
    monkeypatch.setattr(sys, "argv", ["train", *arguments])
    with pytest.raises(TrainingStarted):
        train.main()
    return started[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ["utkface_cpu", "epochs=3"],
        ["--config", "utkface_cpu", "epochs=3"],
        ["--config=utkface_cpu", "epochs=3"],
        ["epochs=3", "--config", "utkface_cpu"],
        ["--config", "trainers/recipes/utkface_cpu.yaml", "epochs=3"],
    ],
)
def test_the_recipe_is_the_first_argument_or_config(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = run(monkeypatch, *arguments)
    assert (recipe.name, recipe.epochs, out) == ("utkface_cpu", 3, "runs/utkface_cpu")


def test_a_recipe_is_required() -> None:
    with pytest.raises(InvalidArgument, match="a recipe is required"):
        train.recipe_and_overrides([], None)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "error: a recipe is required"),
        (["utk"], "recipe 'utk'"),
        (["--config", "utkface_cpu", "again"], "error: expected key=value, got 'again'"),
        (
            ["utkface_cpu", "input.augmentation=mission"],
            "error: input: augmentation must be one of none, standard, varied, imagenet_128",
        ),
    ],
)
def test_an_error_is_one_line(
    arguments: list[str],
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["train", *arguments])
    with pytest.raises(SystemExit):
        train.main()
    shown = capsys.readouterr().err
    assert line in shown
    assert shown.count("\n") == 1


def test_resume_and_overwrite_are_named_by_their_flags(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(recipe: Recipe, out: str, **options: Any) -> None:
        from trainers.run_folder import RunFolder

        RunFolder.prepare(out, recipe, resume=options["resume"], overwrite=options["overwrite"])

    monkeypatch.setattr(fit, "train", start)
    monkeypatch.setattr(sys, "argv", ["train", "utkface_cpu", "--resume", "--overwrite"])
    with pytest.raises(SystemExit) as end:
        train.main()
    assert end.value.code == 2
    assert "error: --overwrite cannot be combined with resume" in capsys.readouterr().err
