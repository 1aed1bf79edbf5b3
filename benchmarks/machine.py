"""The machine, and the commit of the repository, that measurements belong to."""

import os
import platform
import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
_CPUINFO = Path("/proc/cpuinfo")  # Linux has it
_MARKS = re.compile(r"\((R|TM)\)|\b(CPU|Processor)\b", re.IGNORECASE)


def machine_name() -> str:
    """The name of the processor and the number of cores, such as "AMD EPYC, 2 cores"."""
    return f"{_processor()}, {os.cpu_count()} cores"


def slug(name: str) -> str:
    """A name as part of a file name: lower-case letters and digits, joined by hyphens.

    Raises:
        ValueError: the name has no letter and no digit.
    """
    words = re.findall(r"[a-z0-9]+", _MARKS.sub(" ", name).lower())
    if not words:
        raise ValueError(f"the machine's name must contain a letter or a digit, got {name!r}")
    return "-".join(words)


def commit() -> str:
    """The commit that is checked out; "with changes" if tracked files differ from it."""
    head = _git("rev-parse", "--short=12", "HEAD")
    if head is None:
        return "unknown: not a git repository"
    return f"{head} with changes" if _git("status", "--porcelain", "-uno") else head


def _processor() -> str:
    lines = _CPUINFO.read_text(encoding="utf-8").splitlines() if _CPUINFO.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def _git(*arguments: str) -> str | None:
    """The output of a git command; None if git or the repository is missing."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
