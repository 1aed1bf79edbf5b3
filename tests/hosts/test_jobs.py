"""Jobs on a cluster of real hosts: a training over all of them, and one that loses a host."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE

import pytest

from faceage_core.checkpoint import read_checkpoint_card
from tests.conftest import REPOSITORY
from tests.hosts.cluster import Cluster, until

pytestmark = [pytest.mark.hosts, pytest.mark.data, pytest.mark.timeout(600)]

STARTED_WITHIN_S = 120.0


def training(faces: Path, out: Path, *changes: str) -> list[str]:
    """Small enough for two cores; a host has a CPU for one worker."""
    return [
        "train", "utkface_cpu", f"data.sources={faces}", "workers.count=2", "workers.cpus=1",
        "data.limit=256", "batch_size=32", "input.size_px=64", "input.first_sizes=[]",
        "optimizer.lr=0.003", *changes, "--out", str(out),
    ]  # fmt: skip


def submitted(cluster: Cluster, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return cluster.command("faceage", "submit", *words, **changes)


def history(out: Path) -> list[dict[str, float]]:
    return list(json.loads((out / "history.json").read_text()))


@pytest.mark.long
def test_a_training_outlives_a_host(cluster: Cluster, faces: Path) -> None:
    out, lost = cluster.shared / "bereft", cluster.workers[-1]
    command = training(faces, out, "epochs=4", "workers.count=[1,2]")
    submit = [Path(sys.executable).with_name("faceage"), "submit", *command]
    with (
        ExitStack() as loss,
        subprocess.Popen(
            submit, cwd=REPOSITORY, env=cluster.environment, stdout=PIPE, text=True
        ) as job,
    ):
        assert job.stdout is not None
        for line in job.stdout:
            if line.startswith("epoch 2,"):
                loss.enter_context(lost.lost())
    assert job.returncode == 0
    epochs = history(out)
    assert [epoch["epoch"] for epoch in epochs] == list(range(1, 5))
    assert (epochs[0]["workers"], epochs[-1]["workers"]) == (2, 1)
    cluster.await_nodes(len(cluster.hosts))


def test_a_wrong_token_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0" * 64)
    refused = submitted(
        cluster, "train", "utkface_cpu", RAY_AUTH_TOKEN_PATH=str(tmp_path / "token")
    )
    assert refused.returncode == 2
    assert "refuses" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_job_trains_on_every_worker_host_and_goes_on_where_it_was_stopped(
    cluster: Cluster, faces: Path
) -> None:
    out = cluster.shared / "run"
    command = training(faces, out, "epochs=12")
    started = submitted(cluster, "--no-follow", *command)
    assert started.returncode == 0, started.stdout + started.stderr
    job, _, _ = started.stdout.partition(":")
    until(lambda: any(out.glob("checkpoint_*")), STARTED_WITHIN_S)
    cluster.succeeded("ray", "job", "stop", job)
    assert not (out / "history.json").exists()  # it is written at the end

    done = submitted(cluster, *command, "--resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nepoch 1," not in done.stdout
    assert "\nepoch 12," in done.stdout
    epochs = history(out)
    assert [epoch["epoch"] for epoch in epochs] == list(range(1, 13))
    assert epochs[-1]["train_loss"] < epochs[0]["train_loss"]
    assert {epoch["workers"] for epoch in epochs} == {2}
    assert read_checkpoint_card(out / "best").name == "utkface_cpu"
