"""Jobs on a cluster of real hosts: a training over all of them, and one that loses a host."""

import json
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import pytest

from faceage_core.checkpoint import read_checkpoint_card
from tests.conftest import REPOSITORY
from tests.hosts.conftest import Cluster

pytestmark = [pytest.mark.hosts, pytest.mark.data, pytest.mark.timeout(600)]


def training(faces: Path, out: Path, *changes: str) -> list[str]:
    """Small enough for two cores; two CPUs a worker put each on a host of its own."""
    return [
        "train", "utkface_cpu", f"data.sources={faces}", "workers.count=2", "workers.cpus=2",
        "data.limit=128", "batch_size=32", "input.size_px=64", "input.first_sizes=[]",
        "optimizer.lr=0.003", *changes, "--out", str(out),
    ]  # fmt: skip


def submitted(cluster: Cluster, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return cluster.command("faceage", "submit", "--address", cluster.dashboard, *words, **changes)


def history(out: Path) -> list[dict[str, float]]:
    return list(json.loads((out / "history.json").read_text()))


def test_a_job_trains_on_every_worker_host(cluster: Cluster, faces: Path) -> None:
    out = cluster.shared / "run"
    done = submitted(cluster, *training(faces, out, "epochs=4"))
    assert done.returncode == 0, done.stdout + done.stderr
    losses = [epoch["train_loss"] for epoch in history(out)]
    assert len(losses) == 4
    assert losses[-1] < losses[0]
    assert {epoch["workers"] for epoch in history(out)} == {2}
    assert read_checkpoint_card(out / "best").name == "utkface_cpu"


def test_a_wrong_token_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0" * 64)
    refused = submitted(
        cluster, "train", "utkface_cpu", RAY_AUTH_TOKEN_PATH=str(tmp_path / "token")
    )
    assert refused.returncode == 2
    assert "refuses" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_training_outlives_a_host(cluster: Cluster, faces: Path) -> None:
    out = cluster.shared / "bereft"
    command = training(faces, out, "epochs=8", "workers.count=[1,2]", "data.limit=256")
    submit = (Path(sys.executable).with_name("faceage"), "submit", "--address", cluster.dashboard)
    with subprocess.Popen(
        [*submit, *command], cwd=REPOSITORY, env=cluster.environment, stdout=PIPE, text=True
    ) as job:
        assert job.stdout is not None
        for line in job.stdout:
            if line.startswith("epoch 2"):
                cluster.hosts[2].kill()
                cluster.hosts[2].unplug()
    assert job.returncode == 0
    assert [epoch["epoch"] for epoch in history(out)] == list(range(1, 9))
