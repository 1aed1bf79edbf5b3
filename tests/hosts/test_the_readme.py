"""The commands that the README and the guide give for clusters, against those that ran here."""

import shlex
from pathlib import Path

import pytest

from tests.hosts.cluster import Cluster, command_name

pytestmark = pytest.mark.hosts

# The shell's own.
ELSEWHERE = {"source .venv/bin/activate", "export RAY_AUTH_MODE=token"}


def commands(text: str) -> set[str]:
    """Each line of shell by its name."""
    blocks = text.split("```sh\n")[1:]
    lines = [line for block in blocks for line in block.split("```")[0].splitlines()]
    return {command_name(shlex.split(line, comments=True)) for line in lines} - {""}


def test_every_command_was_run(cluster: Cluster, repository: Path) -> None:
    readme = (repository / "README.md").read_text()
    section = readme.split("## On a cluster\n")[1].split("\n## ")[0]
    guide = (repository / "docs/cluster.md").read_text()
    given = commands(section) | commands(guide)
    assert len(given) > 5
    assert given - ELSEWHERE <= cluster.ran
