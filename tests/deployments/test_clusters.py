"""The cluster files pass Ray's own validation and agree with each other."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments.local import SERVE_ENV

FILES = ["cluster.yaml", "deployments/clusters/gcp.yaml", "deployments/clusters/on-premise.yaml"]
CLOUDS = FILES[:2]


def read(repository: Path, file: str) -> dict[str, Any]:
    return dict(yaml.safe_load((repository / file).read_text()))


@pytest.mark.parametrize("file", FILES)
def test_ray_accepts_the_file(repository: Path, file: str) -> None:
    # Private to Ray: `ray up` has no option that only validates.
    from ray.autoscaler._private.util import prepare_config, validate_config

    validate_config(prepare_config(read(repository, file)))


@pytest.mark.parametrize("file", FILES)
def test_every_node_gets_the_project_the_lock_file_and_the_token(
    repository: Path, file: str
) -> None:
    config = read(repository, file)
    mounts = config["file_mounts"]
    assert mounts.pop("~/.ray/auth_token") == "~/.ray/auth_token"
    assert all(there == f"~/faceage/{here}" for there, here in mounts.items())
    assert all((repository / here).exists() for here in mounts.values())
    packages = {"faceage_core", "deployments", "trainers", "tune", "requirements.lock", "Makefile"}
    assert packages <= set(mounts.values())
    # Ray's autoscaler ends at a link whose target is not on the head.
    sources = [repository / here for here in mounts.values()]
    links = [path for source in sources for path in source.rglob("*") if path.is_symlink()]
    assert all(any(link.resolve().is_relative_to(source) for source in sources) for link in links)
    assert any(
        command.startswith("make -C ~/faceage install") for command in config["setup_commands"]
    )
    for commands in ("head_start_ray_commands", "worker_start_ray_commands"):
        assert all(
            command.startswith(". ~/faceage/deployments/clusters/node.sh;")
            for command in config[commands]
        )
        assert "--object-spilling-directory=/dev/shm" in config[commands][-1]
    assert "--dashboard-host=127.0.0.1" in config["head_start_ray_commands"][-1]


@pytest.mark.parametrize("file", CLOUDS)
def test_the_head_of_a_cloud_runs_no_work_and_training_uses_spot_nodes(
    repository: Path, file: str
) -> None:
    types = read(repository, file)["available_node_types"]
    assert types["head"]["resources"] == {"CPU": 0}
    assert types["head"]["max_workers"] == 0
    assert types["cpu"]["min_workers"] >= 2
    assert "spot" in str(types["training-gpu"]["node_config"]).lower()
    assert "spot" not in str(types["serving-gpu"]["node_config"]).lower()
    pools = [kind["labels"]["faceage.io/pool"] for kind in types.values()]
    assert len(set(pools)) == len(pools)


def test_the_cloud_files_differ_only_in_provider_settings(repository: Path) -> None:
    first, second = (read(repository, file) for file in CLOUDS)
    own = {"provider", "available_node_types", "head_setup_commands"}
    assert {key: first[key] for key in first.keys() - own} == {
        key: second[key] for key in second.keys() - own
    }
    for name, kind in first["available_node_types"].items():
        other = second["available_node_types"][name]
        assert {**kind, "node_config": None} == {**other, "node_config": None}


def test_a_cluster_and_faceage_serve_use_the_same_serve_environment(repository: Path) -> None:
    shell = (repository / "deployments/clusters/node.sh").read_text()
    exports = dict(re.findall(r"^export (RAY_SERVE_\w+)=(\S+)$", shell, re.MULTILINE))
    assert exports == SERVE_ENV
