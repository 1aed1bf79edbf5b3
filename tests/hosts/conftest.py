"""Fixtures: a cluster of three hosts from the on-premise cluster file, and the service on it."""

import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image, ImageOps

from faceage_core.pipeline import Pipeline
from faceage_core.ports import free_port
from tests.conftest import REPOSITORY
from tests.hosts.cluster import Cluster
from tests.hosts.load import Comparison, comparison
from tests.hosts.network import GATEWAY, Network, missing_requirement, run
from tests.hosts.serving import Service, config


@pytest.fixture
def print_measured(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """A function that prints measurements even if pytest captures the output."""

    def print_text(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}\n")

    return print_text


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One head and two workers, started by `ray up`, with an ssh tunnel to the dashboard."""
    if reason := missing_requirement():
        pytest.skip(reason)
    # The hosts run the project from this folder. The copied files must not change while the cluster
    # is up, so bytecode is written first.
    run(sys.executable, "-m", "compileall", "-q", *_copied_folders())
    sys.dont_write_bytecode = True
    # The hosts share this environment: their setup commands must find it installed.
    run("make", "--directory", str(REPOSITORY), "install")
    folder = tmp_path_factory.mktemp("hosts")
    home, shared = folder / "operator", folder / "shared"
    home.mkdir()
    shared.mkdir()
    with Network(folder, hosts=3) as network:
        for host in network.hosts:
            (host.home / "faceage").mkdir()
            (host.home / "faceage" / ".venv").symlink_to(Path(sys.executable).parents[1])
        network.enter_context(_redis(folder))
        file = folder / "cluster.yaml"
        file.write_text(yaml.safe_dump(_file_for_hosts(network, folder / "redis.env")))
        made = network.enter_context(Cluster(network.hosts, file, home, shared))
        made.generate_token()
        made.up()
        made.wait_for_nodes(len(network.hosts))
        yield made


@pytest.fixture(scope="package")
def service(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The service on the cluster, two replicas of each stage on its two workers."""
    cluster.wait_for_nodes(len(cluster.hosts))
    made = Service(cluster, tmp_path_factory.mktemp("serve") / "serve.yaml")
    made.deploy(config())
    return made


@pytest.fixture(scope="package")
def comparisons(pipeline: Pipeline, samples: dict[str, bytes]) -> list[Comparison]:
    """Comparisons of small photos, so that one host can answer several per second."""
    small = {}
    for name, data in samples.items():
        file = BytesIO()
        ImageOps.contain(Image.open(BytesIO(data)).convert("RGB"), (300, 300)).save(file, "PNG")
        small[name] = file.getvalue()
    names = [*small, next(iter(small))]
    return [comparison(pipeline, small, pair) for pair in pairwise(names)]


@contextmanager
def _redis(folder: Path) -> Iterator[None]:
    """A Redis server for the head's state, and the file with its address and password."""
    password, port = secrets.token_hex(16), free_port()
    (folder / "redis.env").write_text(
        f"export RAY_REDIS_ADDRESS={GATEWAY}:{port} REDIS_PASSWORD={password}\n"
    )
    options = {"bind": GATEWAY, "port": port, "requirepass": password, "save": "", "dir": folder}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    with subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL) as server:
        try:
            yield
        finally:
            server.terminate()


def _cluster_file() -> dict[str, Any]:
    """The project's cluster file for on-premise machines."""
    return dict(yaml.safe_load((REPOSITORY / "deployments/clusters/on-premise.yaml").read_text()))


def _copied_folders() -> list[str]:
    sources = (REPOSITORY / name for name in _cluster_file()["file_mounts"].values())
    return [str(source) for source in sources if source.is_dir()]


def _file_for_hosts(network: Network, redis: Path) -> dict[str, object]:
    """The cluster file with the addresses of the test hosts."""
    config = _cluster_file()
    head, *workers = (host.address for host in network.hosts)
    config["provider"] |= {"head_ip": head, "worker_ips": workers}
    config["auth"] = {"ssh_user": "root", "ssh_private_key": str(network.key)}
    config["file_mounts"]["~/.ray/redis.env"] = str(redis)
    return config
