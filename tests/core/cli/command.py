"""The command, in this process or in one of its own, and how it ended."""

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
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


def process(*arguments: str, cwd: Path | None = None) -> Ended:
    """The installed command in a process of its own."""
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
    return Ended(done.returncode, done.stdout, done.stderr)


def on_one_line(table: str) -> str:
    """A table's text without its lines and breaks."""
    return re.sub(r"[\s│|]+", " ", table)


def assert_one_line(text: str, said: str) -> None:
    """One line that begins with "error:" and says this."""
    assert text.startswith("error: "), text
    assert text.count("\n") == 1, text
    assert re.search(said, text), text
