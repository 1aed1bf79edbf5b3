"""The Kubernetes files agree with KubeRay's fields, our commands and the other cluster files."""

import re
import shlex
import subprocess
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from .kuberay_fields import problems

FILES = ["service.yaml", "train.yaml"]
# Set by KubeRay: from authOptions, from gcsFaultToleranceOptions, by its volume for /tmp/ray.
SET_BY_KUBERAY = {"RAY_AUTH_MODE", "RAY_gcs_rpc_server_reconnect_timeout_s", "RAY_TMPDIR"}

# From the shell commands of a stub python to the exit status and the arguments of each call.
Run = Callable[[str], tuple[int, list[list[str]]]]


@pytest.fixture(scope="module")
def documents(repository: Path) -> dict[str, Any]:
    """The documents in the files, by kind."""
    folder = repository / "deployments/kuberay"
    texts = [(folder / file).read_text() for file in FILES]
    return {made["kind"]: made for text in texts for made in yaml.safe_load_all(text)}


@pytest.fixture(scope="module")
def service(documents: dict[str, Any]) -> dict[str, Any]:
    return dict(documents["RayService"]["spec"])


@pytest.fixture(scope="module")
def job(documents: dict[str, Any]) -> dict[str, Any]:
    return dict(documents["RayJob"]["spec"])


@pytest.fixture(scope="module")
def clusters(service: dict[str, Any], job: dict[str, Any]) -> list[dict[str, Any]]:
    return [service["rayClusterConfig"], job["rayClusterSpec"]]


def groups(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


def container(group: dict[str, Any]) -> dict[str, Any]:
    (only,) = group["template"]["spec"]["containers"]
    return dict(only)


def environment(group: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container(group)["env"]}


# --- the fields ---


def test_every_field_exists_in_kuberay(documents: dict[str, Any]) -> None:
    assert documents.keys() == {"RayService", "RayJob", "PodDisruptionBudget"}
    for kind, document in documents.items():
        assert not list(problems(kind, document, kind))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("rayClusterConfi", {}),
        ("upgradeStrategy.type", "newCluster"),
        ("rayClusterConfig.autoscalerOptions.upscalingMode", "Agressive"),
        ("rayClusterConfig.autoscalerOptions.idleTimeoutSeconds", "600"),
        ("rayClusterConfig.authOptions.modes", "token"),
        ("rayClusterConfig.headGroupSpec.rayStartParams.num-cpus", 0),
        ("rayClusterConfig.headGroupSpec.template.spec.container", []),
        ("rayClusterConfig.workerGroupSpecs", [{"groupName": "cpu"}]),
        ("rayClusterConfig.gcsFaultToleranceOptions.storage", {}),
    ],
)
def test_a_mistake_is_detected(service: dict[str, Any], path: str, value: Any) -> None:
    changed = deepcopy(service)
    place = changed
    *parents, last = path.split(".")
    for key in parents:
        place = place[key]
    place[last] = value
    assert list(problems("RayServiceSpec", changed, "spec"))


def test_the_files_follow_kuberay_s_rules(
    service: dict[str, Any], job: dict[str, Any], clusters: list[dict[str, Any]]
) -> None:
    for cluster in clusters:
        for group in groups(cluster):
            assert "labels" not in group["rayStartParams"]
            assert "resources" not in group
            assert not environment(group).keys() & {"RAY_REDIS_ADDRESS", "REDIS_PASSWORD"}
    # Two clusters exist during an upgrade, and would overwrite each other's state.
    assert "externalStorageNamespace" not in service["rayClusterConfig"]["gcsFaultToleranceOptions"]
    # In other modes, another shell would split the entrypoint.
    assert job["submissionMode"] == "HTTPMode"
    assert job["shutdownAfterJobFinishes"]


def test_ray_start_accepts_the_parameters_from_kuberay(
    clusters: list[dict[str, Any]],
) -> None:
    from ray.scripts.scripts import start

    for cluster in clusters:
        for group in groups(cluster):
            given = " ".join(f"--{key}={value}" for key, value in group["rayStartParams"].items())
            taken = start.make_context("start", shlex.split(given)).params
            assert taken["object_spilling_directory"] == "/dev/shm"
            if group is cluster["headGroupSpec"]:
                assert taken["num_cpus"] == 0
                assert taken["system_config"] == {"automatic_object_spilling_enabled": False}


# --- the service ---


def test_the_serve_config_equals_that_of_the_other_clusters(
    repository: Path, service: dict[str, Any]
) -> None:
    config = yaml.safe_load((repository / "deployments/serve.yaml").read_text())
    assert yaml.safe_load(service["serveConfigV2"]) == config


def test_a_node_has_time_to_finish_its_requests(service: dict[str, Any]) -> None:
    (application,) = yaml.safe_load(service["serveConfigV2"])["applications"]
    timeout_s = max(
        deployment["graceful_shutdown_timeout_s"] for deployment in application["deployments"]
    )
    assert service["rayClusterDeletionDelaySeconds"] > timeout_s
    for group in service["rayClusterConfig"]["workerGroupSpecs"]:
        drain_s = float(environment(group)["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])
        assert timeout_s < drain_s < group["template"]["spec"]["terminationGracePeriodSeconds"]


# --- the training ---


@pytest.fixture
def runs(job: dict[str, Any], tmp_path: Path) -> Run:
    """A function that runs the entrypoint with a stub python, which records its arguments."""

    def run(commands: str) -> tuple[int, list[list[str]]]:
        log = tmp_path / "calls"
        stub = tmp_path / "python"
        stub.write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" >> {log}\necho >> {log}\n{commands}\n')
        stub.chmod(0o755)
        log.write_text("")
        path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        # With the same shell as Ray's job supervisor.
        done = subprocess.run(job["entrypoint"], shell=True, env=path, check=False)
        return done.returncode, [line.split("\0")[:-1] for line in log.read_text().splitlines()]

    return run


NO_RUN_YET = 'case "$*" in *--resume) exit 2;; esac'


def test_the_entrypoint_resumes_a_training_and_starts_it_if_there_is_none(runs: Run) -> None:
    status, (failed_resume, started) = runs(NO_RUN_YET)
    assert status == 0
    assert failed_resume == [*started, "--resume"]
    status, (resumed,) = runs("exit 0")
    assert status == 0
    assert resumed == failed_resume
    status, calls = runs("exit 3")
    assert status == 3
    assert len(calls) == 2


def test_the_command_accepts_the_entrypoint_s_arguments(runs: Run, job: dict[str, Any]) -> None:
    import typer

    from trainers.recipe import load_recipe
    from trainers.train import recipe_and_overrides, train

    app = typer.Typer()
    app.command("train")(train)
    command = typer.main.get_command(app)
    for module, name, *arguments in runs(NO_RUN_YET)[1]:
        assert (module, name) == ("-m", "trainers.train")
        given = command.make_context("train", list(arguments)).params
        assert given["resume"] == ("--resume" in arguments)
        assert not given["overwrite"]
        assert given["out"].startswith("s3://YOUR-BUCKET/")
    recipe = load_recipe(*recipe_and_overrides(given["arguments"], given["config"]))
    assert recipe.data.sources == ("s3://YOUR-BUCKET/prepared/cacd",)
    (group,) = job["rayClusterSpec"]["workerGroupSpecs"]
    limits = container(group)["resources"]["limits"]
    # The trainer does not start before all of its workers can.
    assert recipe.workers.count == group["replicas"] == group["minReplicas"] == group["maxReplicas"]
    assert recipe.workers.gpu
    assert limits["nvidia.com/gpu"] == 1
    assert recipe.workers.cpus <= int(limits["cpu"])
    assert recipe.workers.labels == group["labels"]


# --- agreement with the other files ---


def test_pools_and_environment_equal_those_of_the_other_clusters(
    repository: Path, service: dict[str, Any], clusters: list[dict[str, Any]]
) -> None:
    types = yaml.safe_load((repository / "cluster.yaml").read_text())["available_node_types"]
    pools = [kind["labels"] for kind in types.values()]
    used = [group["labels"] for cluster in clusters for group in groups(cluster)]
    assert all(labels in pools for labels in used)
    assert all(labels in used for labels in pools)
    assert service["rayClusterConfig"]["workerGroupSpecs"][0]["minReplicas"] >= 2

    shell = (repository / "deployments/clusters/node.sh").read_text()
    exports = dict(re.findall(r"\b(RAY_\w+)=([\w./]+)", shell))
    serving = {name for name in exports if name.startswith("RAY_SERVE_")}
    training = {name for name in exports if name.startswith("RAY_TRAIN_")}
    assert serving
    assert training
    for cluster, others in zip(clusters, (training, serving), strict=True):
        assert cluster["authOptions"] == {"mode": "token"}
        needed = exports.keys() - SET_BY_KUBERAY - others
        for group in groups(cluster):
            has = environment(group)
            assert not has.keys() & SET_BY_KUBERAY
            assert {name: has.get(name) for name in needed} == {n: exports[n] for n in needed}


def test_every_pod_runs_the_locked_ray_version_without_privileges(
    repository: Path, clusters: list[dict[str, Any]]
) -> None:
    lock = (repository / "requirements.lock").read_text()
    images = set()
    for cluster in clusters:
        assert f"\nray=={cluster['rayVersion']} " in lock
        for group in groups(cluster):
            only, spec = container(group), group["template"]["spec"]
            images.add(only["image"])
            assert only["resources"]["requests"] == only["resources"]["limits"]
            assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert spec["securityContext"]["runAsNonRoot"]
            assert "restartPolicy" not in spec  # autoscaler v2 accepts only its own value
    assert len(images) == 1


def test_the_image_contains_the_project_and_the_lock_file(
    repository: Path, clusters: list[dict[str, Any]]
) -> None:
    folder = repository / "deployments/kuberay"
    lines = (folder / "Dockerfile").read_text().replace("\\\n", "").splitlines()
    copied = {name for line in lines if line.startswith("COPY") for name in line.split()[1:-1]}
    packages = {"faceage_core", "deployments", "trainers", "tune", "samples"}
    assert packages | {"requirements.lock", "pyproject.toml", "README.md", "LICENSE"} == copied
    assert all((repository / name).exists() for name in copied)
    ignored = (folder / "Dockerfile.dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == copied
    text = " ".join(" ".join(lines).split())
    for flags in ("--no-deps --require-hashes -r ", "--no-deps --no-build-isolation "):
        assert flags in text
    user = groups(clusters[0])[0]["template"]["spec"]["securityContext"]["runAsUser"]
    assert f"USER {user}:{user}" in text
