"""A Ray cluster of several hosts, controlled with the commands that an operator uses."""

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

TIMEOUT_S = 600.0  # on an idle machine no step takes more than a minute
RESPONSE_TIMEOUT_S = 30.0  # of a dashboard whose host shares busy cores


class Cluster(ExitStack):
    """What an operator has: the cluster file, a home with the token, and a tunnel to the head.

    Attributes:
        hosts: the head first.
        shared: a folder that has the same path on every host.
        commands_run: the commands that were run, each by its `command_name`.
    """

    dashboard = "http://127.0.0.1:8265"

    def __init__(self, hosts: list[Host], file: Path, home: Path, shared: Path) -> None:
        super().__init__()
        self.hosts = hosts
        self.shared = shared
        self.commands_run: set[str] = set()
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
        """Create the token that `ray up` copies to every host."""
        self.check_output("ray", "get-auth-token", "--generate")

    def up(self) -> None:
        """Run `ray up`, and `ray dashboard` in the background until the block ends."""
        self.close()
        self.check_output("ray", "up", "--yes", str(self._file))
        self.commands_run.add("ray dashboard")
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
        """The head node's host."""
        return self.hosts[0]

    @property
    def workers(self) -> list[Host]:
        """The hosts of the worker nodes."""
        return self.hosts[1:]

    def run(self, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run a command at the project's root, and wait until it ends."""
        with self.start(*words, stderr=PIPE, **changes) as process:
            output, errors = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def start(self, *words: str, stderr: int = STDOUT, **changes: str) -> subprocess.Popen[str]:
        """Start a command at the project's root; by default stderr is merged into stdout."""
        self.commands_run.add(command_name(words))
        return subprocess.Popen(
            [_program(words[0]), *words[1:]],
            cwd=REPOSITORY,
            env={**self.environment, **changes},
            stdout=PIPE,
            stderr=stderr,
            text=True,
        )

    def check_output(self, *words: str) -> str:
        """Run a command that must succeed, and return its output."""
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def nodes(self) -> list[str]:
        """The addresses of the nodes that are alive; none while the dashboard cannot be reached."""
        try:
            listed = self.get_json("/api/v0/nodes")
        except httpx.HTTPError:
            return []
        nodes = listed["data"]["result"]["result"]
        return [node["node_ip"] for node in nodes if node["state"] == "ALIVE"]

    def wait_for_nodes(self, count: int) -> float:
        """Wait until this number of nodes is alive, and return the seconds that it took.

        Raises:
            AssertionError: they are not alive in time; the error shows what the autoscaler logged.
        """
        try:
            return wait_until(lambda: len(self.nodes()) == count)
        except AssertionError as error:
            logs = self.head.ray.glob("session_2*/logs/monitor.*")
            tails = ["\n".join(log.read_text().splitlines()[-40:]) for log in sorted(logs)]
            raise AssertionError("\n".join([f"alive: {self.nodes()}", *tails])) from error

    def get_json(self, path: str) -> dict[str, Any]:
        """The JSON response of the dashboard."""
        headers = {"Authorization": f"Bearer {self._token.read_text()}"}
        response = httpx.get(
            f"{self.dashboard}{path}", headers=headers, timeout=RESPONSE_TIMEOUT_S, trust_env=False
        )
        response.raise_for_status()
        return dict(response.json())


def command_name(words: Sequence[str]) -> str:
    """The first two words of a command; for `faceage submit` the submitted command too."""
    return " ".join(words[: 3 if list(words[:2]) == ["faceage", "submit"] else 2])


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def wait_until(reached: Callable[[], bool], timeout_s: float = TIMEOUT_S) -> float:
    """Wait for a condition, and return the seconds that it took.

    Raises:
        AssertionError: the condition was not reached in time.
    """
    began_s = time.monotonic()
    while not reached():
        assert time.monotonic() - began_s < timeout_s, "not reached in time"
        time.sleep(0.5)
    return time.monotonic() - began_s
