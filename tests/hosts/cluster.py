"""A cluster of hosts, as a person has it who brought it up."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import httpx

from tests.conftest import REPOSITORY
from tests.hosts.network import Host

TIMEOUT_S = 600.0  # of what takes a minute at most on a machine that does nothing else
ANSWER_TIMEOUT_S = 30.0  # of a dashboard whose host shares busy cores


class Cluster(ExitStack):
    """What a person has who brings it up: its file, a home with its token, and a tunnel to it.

    Attributes:
        hosts: the head first.
        shared: a folder that every host finds under the same name.
        ran: the commands, each by its `command_name`.
    """

    dashboard = "http://127.0.0.1:8265"

    def __init__(self, hosts: list[Host], file: Path, home: Path, shared: Path) -> None:
        super().__init__()
        self.hosts = hosts
        self.shared = shared
        self.ran: set[str] = set()
        self._file = file
        self._token = home / ".ray" / "auth_token"
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RAY_API_SERVER_ADDRESS": self.dashboard,
            "RAY_AUTH_MODE": "token",
            "PYTHONDONTWRITEBYTECODE": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
        }

    def generate_token(self) -> None:
        """Make the token that every host gets."""
        self.succeeded("ray", "get-auth-token", "--generate")

    def up(self) -> None:
        """`ray up`, and `ray dashboard` in the background until the block ends."""
        self.close()
        self.succeeded("ray", "up", "--yes", str(self._file))
        self.ran.add("ray dashboard")
        tunnel = subprocess.Popen(
            [_program("ray"), "dashboard", str(self._file)],
            cwd=REPOSITORY,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.enter_context(tunnel)
        self.callback(tunnel.terminate)

    @property
    def head(self) -> Host:
        """The host that keeps the cluster together."""
        return self.hosts[0]

    @property
    def workers(self) -> list[Host]:
        """The hosts that do the work."""
        return self.hosts[1:]

    def command(self, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this environment, as a person would at the project's root."""
        with self.begun(*words, stderr=PIPE, **changes) as process:
            output, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def begun(self, *words: str, stderr: int = STDOUT, **changes: str) -> subprocess.Popen[str]:
        """A command that still runs; its errors come with its output."""
        self.ran.add(command_name(words))
        return subprocess.Popen(
            [_program(words[0]), *words[1:]],
            cwd=REPOSITORY,
            env={**self.environment, **changes},
            stdout=PIPE,
            stderr=stderr,
            text=True,
        )

    def succeeded(self, *words: str) -> str:
        """What a command prints that has to succeed."""
        done = self.command(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def nodes(self) -> list[str]:
        """The addresses of the nodes that are alive; none while the dashboard cannot be reached."""
        try:
            listed = self.asked("/api/v0/nodes")
        except httpx.HTTPError:
            return []
        nodes = listed["data"]["result"]["result"]
        return [node["node_ip"] for node in nodes if node["state"] == "ALIVE"]

    def await_nodes(self, count: int) -> float:
        """Wait until so many nodes are alive; how many seconds it took."""
        return until(lambda: len(self.nodes()) == count)

    def asked(self, path: str) -> dict[str, Any]:
        """What the dashboard answers."""
        headers = {"Authorization": f"Bearer {self._token.read_text()}"}
        response = httpx.get(
            f"{self.dashboard}{path}", headers=headers, timeout=ANSWER_TIMEOUT_S, trust_env=False
        )
        response.raise_for_status()
        return dict(response.json())


def command_name(words: Sequence[str]) -> str:
    """What a command is told by: two words, and what is submitted."""
    return " ".join(words[: 3 if list(words[:2]) == ["faceage", "submit"] else 2])


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def until(reached: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> float:
    """Wait for something; how many seconds it took.

    Raises:
        AssertionError: it was not reached in time.
    """
    began_s = time.monotonic()
    while not reached():
        assert time.monotonic() - began_s < timeout_s, "not reached in time"
        time.sleep(0.5)
    return time.monotonic() - began_s
