"""Three hosts, the cluster that one's own machines' file makes of them, and the service on it."""

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

from benchmarks.load_generator import free_port
from faceage_core.pipeline import Pipeline
from tests.conftest import REPOSITORY
from tests.hosts.cluster import Cluster
from tests.hosts.load import Comparison, comparison
from tests.hosts.network import GATEWAY, Network, run, why_not
from tests.hosts.serving import Service, config


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print what was measured, whatever pytest captures."""

    def print_it(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}\n")

    return print_it


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One head and two workers, up by `ray up`; a tunnel to the head's dashboard by ssh."""
    if reason := why_not():
        pytest.skip(reason)
    # The hosts run the project from here; what the cluster copies may not change while it is up.
    run(sys.executable, "-m", "compileall", "-q", *_copied_folders())
    sys.dont_write_bytecode = True
    # The hosts share this environment; what sets them up has to find it done, not do it again.
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
        file.write_text(yaml.safe_dump(_our_hosts(network, folder / "redis.env")))
        made = network.enter_context(Cluster(network.hosts, file, home, shared))
        made.generate_token()
        made.up()
        made.await_nodes(len(network.hosts))
        yield made


@pytest.fixture(scope="package")
def service(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The service on the cluster, two replicas of each stage on its two workers."""
    cluster.await_nodes(len(cluster.hosts))
    made = Service(cluster, tmp_path_factory.mktemp("serve") / "serve.yaml")
    made.deploy(config())
    return made


@pytest.fixture(scope="package")
def comparisons(pipeline: Pipeline, samples: dict[str, bytes]) -> list[Comparison]:
    """Small photos, so that one host's share of this machine answers several a second."""
    small = {}
    for name, data in samples.items():
        file = BytesIO()
        ImageOps.contain(Image.open(BytesIO(data)).convert("RGB"), (300, 300)).save(file, "PNG")
        small[name] = file.getvalue()
    names = [*small, next(iter(small))]
    return [comparison(pipeline, small, pair) for pair in pairwise(names)]


@contextmanager
def _redis(folder: Path) -> Iterator[None]:
    """Where the head keeps its state, and the file that tells it so."""
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
    """The project's own, for one's own machines."""
    return dict(yaml.safe_load((REPOSITORY / "deployments/clusters/on-premise.yaml").read_text()))


def _copied_folders() -> list[str]:
    sources = (REPOSITORY / name for name in _cluster_file()["file_mounts"].values())
    return [str(source) for source in sources if source.is_dir()]


def _our_hosts(network: Network, redis: Path) -> dict[str, object]:
    """The cluster file, with these hosts in place of the reader's."""
    config = _cluster_file()
    head, *workers = (host.address for host in network.hosts)
    config["provider"] |= {"head_ip": head, "worker_ips": workers}
    config["auth"] = {"ssh_user": "root", "ssh_private_key": str(network.key)}
    config["file_mounts"]["~/.ray/redis.env"] = str(redis)
    return config
