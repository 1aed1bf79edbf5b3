"""Running the command line, and checking its output."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import REPOSITORY

SAMPLES = REPOSITORY / "samples"
HOPPER, COLLINS = str(SAMPLES / "hopper_1984.jpg"), str(SAMPLES / "collins.png")


@dataclass(frozen=True)
class CommandResult:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


Run = Callable[..., CommandResult]


def run_installed(*arguments: str, cwd: Path | None = None) -> CommandResult:
    """Run the installed command in a new process."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("faceage")), *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=240,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert "Traceback" not in done.stdout + done.stderr
    return CommandResult(done.returncode, done.stdout, done.stderr)


def on_one_line(table: str) -> str:
    """Return the text of a table without its lines and line breaks."""
    return re.sub(r"[\s│|]+", " ", table)


def assert_one_line(text: str, pattern: str) -> None:
    """Assert that the text is one line that begins with "error:" and matches the pattern."""
    assert text.startswith("error: "), text
    assert text.count("\n") == 1, text
    assert re.search(pattern, text), text
