"""Every cluster command in the README and the guide was run by the tests before this one."""

import shlex
from pathlib import Path

import pytest

from tests.hosts.cluster import Cluster, command_name

pytestmark = pytest.mark.hosts

# Not run: built into the shell.
SHELL_BUILTINS = {"source .venv/bin/activate", "export RAY_AUTH_MODE=token"}


def commands(text: str) -> set[str]:
    """The `command_name` of each line of the shell blocks."""
    blocks = text.split("```sh\n")[1:]
    lines = [line for block in blocks for line in block.split("```")[0].splitlines()]
    return {command_name(shlex.split(line, comments=True)) for line in lines} - {""}


def test_every_command_was_run(cluster: Cluster, repository: Path) -> None:
    readme = (repository / "README.md").read_text()
    section = readme.split("## On a cluster\n")[1].split("\n## ")[0]
    guide = (repository / "docs/cluster.md").read_text()
    documented = commands(section) | commands(guide)
    assert len(documented) > 5
    assert documented - SHELL_BUILTINS <= cluster.commands_run
