"""The shared error handling of the commands."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import pytest
import typer

from faceage_core.cli.main import EXIT_FAILURE, EXIT_USAGE, run_command
from faceage_core.errors import FaceageError, InvalidArgument, StorageError

Fail = Callable[[Exception], tuple[int, str]]


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fail:
    """A function that raises an error in a command, and returns the exit code and stderr."""

    def fail(error: Exception) -> tuple[int, str]:
        def command(
            dataset: Annotated[str, typer.Argument()],
            working_dir: Annotated[Path, typer.Option()] = Path(),
            size_px: Annotated[int, typer.Option("--size", "-s")] = 1,
        ) -> None:
            """Fail."""
            raise error

        monkeypatch.setattr(sys, "argv", ["command", "faces"])
        with pytest.raises(SystemExit) as end:
            run_command(command)
        return int(end.value.code or 0), capsys.readouterr().err

    return fail


@pytest.mark.parametrize(
    ("field", "message", "shown"),
    [
        ("working_dir", "x is not a folder", "--working-dir: x is not a folder"),
        ("working_dir", "working_dir must be a folder", "--working-dir must be a folder"),
        ("working_dir", "working_directory is odd", "--working-dir: working_directory is odd"),
        ("size_px", "size_px must be > 0", "--size must be > 0"),
        ("size", "must be > 0", "--size: must be > 0"),
        ("dataset", "dataset must be a directory", "DATASET must be a directory"),
        ("size_px", "--size must be > 0", "--size must be > 0"),
        ("optimizer.lr", "optimizer.lr must be > 0", "optimizer.lr must be > 0"),
        (None, "something is wrong", "something is wrong"),
    ],
)
def test_a_field_is_shown_as_the_flag(
    fail: Fail, field: str | None, message: str, shown: str
) -> None:
    assert fail(InvalidArgument(message, field=field)) == (EXIT_USAGE, f"error: {shown}\n")
    assert fail(StorageError(message, field=field)) == (EXIT_FAILURE, f"error: {shown}\n")


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (FaceageError("two\nlines"), "two lines"),
        (ModuleNotFoundError(name="ray"), "this command needs the package ray: pip install"),
        (OSError(28, "No space left on device", "/x"), "No space left on device: /x"),
    ],
)
def test_other_errors_are_one_line(fail: Fail, error: Exception, shown: str) -> None:
    code, line = fail(error)
    assert code == EXIT_FAILURE
    assert line.startswith(f"error: {shown}")
    assert line.count("\n") == 1
