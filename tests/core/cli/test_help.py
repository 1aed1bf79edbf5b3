"""Help texts, missing packages, and where files are written."""

import re
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.core.cli.command import COLLINS, HOPPER, Run, assert_one_line

COMMANDS = [
    ["compare"],
    ["faces"],
    ["weights"],
    ["weights", "list"],
    ["weights", "pull"],
    ["weights", "verify"],
    ["serve"],
    ["demo"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_every_command_has_an_example(run: Run, command: list[str]) -> None:
    ended = run(*command, "--help")
    assert ended.code == 0
    text = re.sub(r"[\s│]+", " ", ended.out)
    assert f"Example: faceage {' '.join(command)}" in text
    options = {option for option in re.findall(r"--[a-z][a-z-]+", text) if option != "--help"}
    if command == ["compare"]:
        assert {
            "--json",
            "--threshold",
            "--bundle",
            "--age",
            "--ckpt",
            "--weights",
            "--faces",
        } <= options


def test_the_help_lists_every_command(run: Run) -> None:
    ended = run("--help")
    assert ended.code == 0
    for command in ("compare", "faces", "serve", "demo", "weights"):
        assert re.search(rf"\b{command}\b", ended.out)


def test_without_a_command_the_help_is_printed(run: Run) -> None:
    ended = run()
    assert "compare" in ended.out + ended.err


def test_the_error_names_a_missing_package(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faceage_core.pipeline", None)
    ended = run("faces", HOPPER)
    assert ended.code == 1
    assert_one_line(ended.err, r"needs the package faceage_core\.pipeline: pip install")


@pytest.mark.usefixtures("loaded")
def test_files_are_written_to_the_output_directory_only(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    assert run("compare", HOPPER, COLLINS, str(tmp_path / "out")).code == 0
    assert list((tmp_path / "home").iterdir()) == []
    with Image.open(tmp_path / "out" / "hopper_1984_vs_collins_result.jpg") as picture:
        assert not picture.getexif()
