"""Jobs on a cluster: prepare, train, evaluate and tune, and the loss of a host."""

import csv
import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest
import yaml

from faceage_core.cards.catalog import find_checkpoint
from faceage_core.data.manifest import read_manifest
from faceage_core.data.storage import Folder
from tests.core.data.prepare.factories import files
from tests.hosts.cluster import Cluster, wait_until

pytestmark = [pytest.mark.hosts, pytest.mark.data, pytest.mark.timeout(1800)]

RAY_RESERVATION_TIMEOUT_S = 180.0  # until Ray frees the resources of a killed training


def small(dataset: Path, *changes: str) -> list[str]:
    """Overrides of a recipe for two cores; a host has a CPU for one worker."""
    return [
        f"data.sources={dataset}", "workers.count=2", "workers.cpus=1", "data.limit=256",
        "batch_size=32", "input.size_px=40", "input.first_sizes=[]", "optimizer.lr=0.003",
        "sample_faces=0", *changes,
    ]  # fmt: skip


@pytest.fixture(scope="module")
def prepared(cluster: Cluster, faces: Path) -> Path:
    """Some images of UTKFace, prepared by a job on the hosts."""
    out = cluster.shared / "utkface"
    raw = ["--source", str(faces.parent / "UTKFace"), "--out", str(out), "--size", "128"]
    cluster.check_output("faceage", "submit", "prepare", "utkface", *raw)
    return out


def test_a_wrong_token_is_rejected(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0" * 64)
    wrong = {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    rejected = cluster.run("faceage", "submit", "train", "utkface_cpu", **wrong)
    assert rejected.returncode == 2
    assert "rejects the connection" in rejected.stderr
    assert "Traceback" not in rejected.stderr


@pytest.mark.ci
def test_a_job_prepares_the_same_bytes_as_a_plain_loop(prepared: Path, faces: Path) -> None:
    assert files(prepared) == files(faces)


def test_a_job_runs_a_sweep(cluster: Cluster, prepared: Path) -> None:
    out, rates = cluster.shared / "sweep", [0.003, 0.001]
    space = cluster.shared / "space.yaml"
    stage = {"search": "grid", "epochs": 1, "parameters": {"optimizer.lr": {"values": rates}}}
    space.write_text(yaml.safe_dump({"name": "two", "stages": [stage]}))
    changes = small(prepared, "workers.count=1", "data.limit=64", "input.size_px=32")
    words = ["--config", str(space), "--recipe", "utkface_cpu", *changes, "--out", str(out)]
    output = cluster.check_output("faceage", "submit", "tune", *words)
    assert "best: optimizer.lr=" in output
    rows = list(csv.DictReader((out / "results.csv").read_text().splitlines()))
    assert sorted(float(row["optimizer.lr"]) for row in rows) == sorted(rates)
    assert {row["status"] for row in rows} == {"finished"}


def test_a_training_job_uses_every_host_is_resumed_and_survives_the_loss_of_a_host(
    cluster: Cluster, prepared: Path, print_measured: Callable[[str], None]
) -> None:
    cluster.wait_for_nodes(len(cluster.hosts))
    out, config = cluster.shared / "run", "trainers/recipes/utkface_cpu.yaml"
    changes = [*small(prepared, "epochs=6", "workers.count=[1,2]"), "--out", str(out)]
    submit = ["ray", "job", "submit", "--no-wait", "--submission-id", "first", "--working-dir", "."]
    train = ["python", "-m", "trainers.train", "--config", config, *changes]
    cluster.check_output(*submit, "--", *train)
    wait_until(lambda: any(out.glob("checkpoint_*")))
    cluster.check_output("ray", "job", "stop", "first")
    assert not (out / "history.json").exists()  # it is written at the end

    words = ["faceage", "submit", "train", "utkface_cpu", *changes, "--resume"]
    output, began_s, started_s = "", monotonic(), None
    with ExitStack() as stack, cluster.start(*words) as job:
        assert job.stdout is not None
        for line in job.stdout:
            output += line
            if line.startswith("epoch ") and started_s is None:
                started_s = monotonic() - began_s
                stack.enter_context(cluster.workers[-1].powered_off())
    assert job.returncode == 0, output
    assert started_s is not None
    print_measured(f"the stopped training was resumed after {started_s:.0f} s")
    assert started_s < RAY_RESERVATION_TIMEOUT_S  # the stopped job has freed its resources
    assert "\nepoch 1," not in output
    assert "\nepoch 6," in output
    epochs = list(json.loads((out / "history.json").read_text()))
    assert [epoch["epoch"] for epoch in epochs] == list(range(1, 7))
    assert (epochs[0]["workers"], epochs[-1]["workers"]) == (2, 1)
    assert epochs[-1]["train_loss"] < epochs[0]["train_loss"]
    assert find_checkpoint(out / "best")[0].name == "utkface_cpu"

    report = ["--split", "val", "--out", str(cluster.shared / "report")]
    cluster.check_output("faceage", "submit", "evaluate", str(out / "best"), str(prepared), *report)
    measured = json.loads((cluster.shared / "report" / "report.json").read_text())["overall"]
    assert measured["n"] == read_manifest(Folder.at(str(prepared))).splits["val"]
    assert measured["mae"]["value"] == pytest.approx(min(e["val_mae"] for e in epochs), abs=0.05)
