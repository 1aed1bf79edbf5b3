"""A cluster of three hosts, brought up by the file for one's own machines."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.hosts.network import Host, Network, why_not

RAY = str(Path(sys.executable).with_name("ray"))
NODES_TIMEOUT_S = 90.0


@dataclass(frozen=True)
class Cluster:
    """What a person has who brought it up: its file, its token and a tunnel to its dashboard."""

    hosts: list[Host]
    environment: dict[str, str]
    dashboard: str
    shared: Path

    def command(self, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this environment, as a person would at the project's root."""
        return subprocess.run(
            [str(Path(sys.executable).with_name(words[0])), *words[1:]],
            cwd=REPOSITORY,
            env={**self.environment, **changes},
            capture_output=True,
            text=True,
            check=False,
        )

    def nodes(self) -> list[str]:
        """The addresses of the nodes that are alive."""
        listed = self.command(
            "ray", "list", "nodes", "--address", self.dashboard, "--format", "json"
        )
        nodes = json.loads(listed.stdout or "[]")
        return [node["node_ip"] for node in nodes if node["state"] == "ALIVE"]

    def await_nodes(self, count: int) -> float:
        """Wait until so many nodes are alive; how many seconds it took."""
        began = time.monotonic()
        while len(self.nodes()) != count:
            assert time.monotonic() - began < NODES_TIMEOUT_S, f"still {self.nodes()}"
            time.sleep(0.5)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One head and two workers, up by `ray up`; a tunnel to the head's dashboard by ssh."""
    if reason := why_not():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("hosts")
    token = folder / "token"
    token.write_text(secrets.token_hex(32))
    environment = {
        **os.environ,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    with Network(folder, hosts=3) as network:
        for host in network.hosts:
            (host.home / "faceage").mkdir()
            (host.home / "faceage" / ".venv").symlink_to(Path(sys.executable).parents[1])
        file = folder / "cluster.yaml"
        file.write_text(yaml.safe_dump(_our_hosts(network, token)))
        up = subprocess.run(
            [RAY, "up", "--yes", "--no-config-cache", str(file)],
            cwd=REPOSITORY,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert up.returncode == 0, up.stdout + up.stderr
        port = _free_port()
        tunnel = [RAY, "dashboard", "--port", str(port), "--no-config-cache", str(file)]
        network.enter_context(_running(tunnel, environment))
        shared = folder / "shared"
        shared.mkdir()
        made = Cluster(network.hosts, environment, f"http://127.0.0.1:{port}", shared)
        made.await_nodes(3)
        yield made


@contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdout=quiet, stderr=quiet
    ) as program:
        try:
            yield
        finally:
            program.terminate()


def _our_hosts(network: Network, token: Path) -> dict[str, object]:
    """The project's own file, with these hosts in place of the reader's."""
    config = yaml.safe_load((REPOSITORY / "deployments/clusters/on-premise.yaml").read_text())
    head, *workers = (host.address for host in network.hosts)
    config["provider"] |= {"head_ip": head, "worker_ips": workers}
    config["auth"] = {"ssh_user": "root", "ssh_private_key": str(network.key)}
    config["file_mounts"]["~/.ray/auth_token"] = str(token)
    return dict(config)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
