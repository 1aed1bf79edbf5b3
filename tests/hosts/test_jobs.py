"""Jobs on a cluster of real hosts: from raw pictures to a report, a sweep, and a lost host."""

import csv
import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import pytest
import yaml

from faceage_core.cards.catalog import read_checkpoint_card
from faceage_core.data.manifest import read_manifest
from faceage_core.data.storage import Folder
from tests.hosts.cluster import Cluster, until

pytestmark = [pytest.mark.hosts, pytest.mark.data, pytest.mark.timeout(1800)]

RAY_KEEPS_S = 180.0  # what a training had reserved that was killed


def small(dataset: Path, *changes: str) -> list[str]:
    """Changes to a recipe, small enough for two cores; a host has a CPU for one worker."""
    return [
        f"data.sources={dataset}", "workers.count=2", "workers.cpus=1", "data.limit=256",
        "batch_size=32", "input.size_px=40", "input.first_sizes=[]", "optimizer.lr=0.003",
        "sample_faces=0", *changes,
    ]  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture(scope="module")
def prepared(cluster: Cluster, faces: Path) -> Path:
    """Some of UTKFace's pictures, prepared by a job on the hosts."""
    out = cluster.shared / "utkface"
    raw = ["--source", str(faces.parent / "UTKFace"), "--out", str(out), "--size", "128"]
    cluster.succeeded("faceage", "submit", "prepare", "utkface", *raw)
    return out


def test_a_wrong_token_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0" * 64)
    wrong = {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    refused = cluster.command("faceage", "submit", "train", "utkface_cpu", **wrong)
    assert refused.returncode == 2
    assert "rejects the connection" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.ci
def test_the_hosts_prepare_what_a_plain_loop_does(prepared: Path, faces: Path) -> None:
    assert contents(prepared) == contents(faces)


def test_a_job_sweeps(cluster: Cluster, prepared: Path) -> None:
    out, rates = cluster.shared / "sweep", [0.003, 0.001]
    space = cluster.shared / "space.yaml"
    stage = {"search": "grid", "epochs": 1, "parameters": {"optimizer.lr": {"values": rates}}}
    space.write_text(yaml.safe_dump({"name": "two", "stages": [stage]}))
    changes = small(prepared, "workers.count=1", "data.limit=64", "input.size_px=32")
    words = ["--config", str(space), "--recipe", "utkface_cpu", *changes, "--out", str(out)]
    said = cluster.succeeded("faceage", "submit", "tune", *words)
    assert "best: optimizer.lr=" in said
    rows = list(csv.DictReader((out / "results.csv").read_text().splitlines()))
    assert sorted(float(row["optimizer.lr"]) for row in rows) == sorted(rates)
    assert {row["status"] for row in rows} == {"finished"}


def test_a_job_trains_on_every_host_goes_on_where_it_was_stopped_and_outlives_a_host(
    cluster: Cluster, prepared: Path, say: Callable[[str], None]
) -> None:
    cluster.await_nodes(len(cluster.hosts))
    out, config = cluster.shared / "run", "trainers/recipes/utkface_cpu.yaml"
    changes = [*small(prepared, "epochs=6", "workers.count=[1,2]"), "--out", str(out)]
    begin = ["ray", "job", "submit", "--no-wait", "--submission-id", "first", "--working-dir", "."]
    cluster.succeeded(*begin, "--", "python", "-m", "trainers.train", "--config", config, *changes)
    until(lambda: any(out.glob("checkpoint_*")))
    cluster.succeeded("ray", "job", "stop", "first")
    assert not (out / "history.json").exists()  # it is written at the end

    words = ["faceage", "submit", "train", "utkface_cpu", *changes, "--resume"]
    said, began_s, started_s = "", monotonic(), None
    with ExitStack() as loss, cluster.begun(*words) as job:
        assert job.stdout is not None
        for line in job.stdout:
            said += line
            if line.startswith("epoch ") and started_s is None:
                started_s = monotonic() - began_s
                loss.enter_context(cluster.workers[-1].lost())
    assert job.returncode == 0, said
    assert started_s is not None
    say(f"what was stopped went on after {started_s:.0f} s")
    assert started_s < RAY_KEEPS_S  # nothing of what was stopped is in its way
    assert "\nepoch 1," not in said
    assert "\nepoch 6," in said
    epochs = list(json.loads((out / "history.json").read_text()))
    assert [epoch["epoch"] for epoch in epochs] == list(range(1, 7))
    assert (epochs[0]["workers"], epochs[-1]["workers"]) == (2, 1)
    assert epochs[-1]["train_loss"] < epochs[0]["train_loss"]
    assert read_checkpoint_card(out / "best").name == "utkface_cpu"

    report = ["--split", "val", "--out", str(cluster.shared / "report")]
    cluster.succeeded("faceage", "submit", "evaluate", str(out / "best"), str(prepared), *report)
    measured = json.loads((cluster.shared / "report" / "report.json").read_text())["overall"]
    assert measured["n"] == read_manifest(Folder.at(str(prepared))).splits["val"]
    assert measured["mae"]["value"] == pytest.approx(min(e["val_mae"] for e in epochs), abs=0.05)
