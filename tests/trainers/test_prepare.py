"""`faceage prepare` on real Ray, with real data sets if they are available."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest

from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.readers import READERS
from faceage_core.data.schema import SCHEMA
from faceage_core.data.storage import Folder
from tests.conftest import prepare_here
from tests.core.data import raw_datasets
from tests.core.data.prepare.factories import files


def prepare(argv: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run `python -m trainers.prepare ...` in this process; returns its exit code."""
    from trainers.prepare import main

    monkeypatch.setattr(sys, "argv", ["prepare", *argv])
    with pytest.raises(SystemExit) as exit_:
        main()
    return int(exit_.value.code or 0)


def rows(out: Path) -> dict[str, dict[str, object]]:
    found = {}
    for path in sorted(out.glob("*/part-*.parquet")):
        table = pq.ParquetFile(path).read()
        assert table.schema.equals(SCHEMA)
        for row in table.to_pylist():
            assert row["split"] == path.parent.name
            found[str(row["name"])] = row
    return found


def reasons(out: Path) -> Counter[str]:
    return Counter(pq.read_table(out / "rejected.parquet")["reason"].to_pylist())


def assert_people_apart(found: dict[str, dict[str, object]]) -> None:
    splits_of: dict[object, set[object]] = {}
    for row in found.values():
        splits_of.setdefault(row["identity"], set()).add(row["split"])
    assert len(splits_of) > 1
    assert all(len(splits) == 1 for splits in splits_of.values())


@pytest.mark.data
def test_utkface(
    ray_here: None,
    data_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, out = tmp_path / "UTKFace", tmp_path / "out"
    source.mkdir()
    table = pq.read_table(data_dir / "utkface_trainval.parquet", columns=["file", "age", "image"])
    names = table["file"].to_pylist()
    odd = [i for i, name in enumerate(names) if name.count("_") < 3 or " " in name]
    chosen = sorted({*odd, *range(0, len(names), 104)})
    photos = table.take(chosen).to_pylist()
    for photo in photos:
        (source / photo["file"]).write_bytes(photo["image"])
    conflict = photos[0]["image"]
    (source / "77_0_0_20170112215240999.jpg.chip.jpg").write_bytes(conflict)
    (source / "61_3_20170109150557335.jpg.chip.jpg").write_bytes(photos[1]["image"])
    (source / "30_0_0_20170112215240777.jpg.chip.jpg").write_bytes(photos[2]["image"][:2000])
    assert len(odd) >= 3

    argv = ["utkface", "--source", str(source), "--out", str(out), "--crop", "none"]
    assert prepare([*argv, "--split", "70/15/15"], monkeypatch) == 0
    shown = capsys.readouterr().out
    assert "conflicting_ages: 2" in shown
    assert f"{len(photos) + 3} images read, {len(photos) - 1} kept" in shown
    assert reasons(out) == {"conflicting_ages": 2, "name_off_pattern": 1, "unreadable_image": 1}

    found = rows(out)
    ages = {photo["file"]: photo["age"] for photo in photos[1:]}
    assert {name: row["age_years"] for name, row in found.items()} == ages
    assert all(names[i] in found for i in odd)
    counts = Counter(row["split"] for row in found.values())
    for split, share in (("train", 0.7), ("val", 0.15), ("test", 0.15)):
        assert counts[split] / len(found) == pytest.approx(share, abs=0.02)
        mean = np.mean([ages[name] for name, row in found.items() if row["split"] == split])
        assert mean == pytest.approx(np.mean(list(ages.values())), abs=3)


@pytest.mark.data
def test_fgnet_with_detection(data_dir: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "FGNET", tmp_path / "out"
    source.mkdir()
    photos = pq.read_table(data_dir / "fgnet_odd_people.parquet").to_pylist()
    photos = [photo for photo in photos if photo["person"] < 12]
    for photo in photos:
        (source / photo["file"]).write_bytes(photo["image"])
    prepare_here(PrepareOptions(dataset="fgnet", size_px=96), source, out, chunk=40)
    found = rows(out)
    assert len(found) + sum(reasons(out).values()) == len(photos)
    assert len(found) >= 0.97 * len(photos)
    assert set(reasons(out)) <= {"no_face"}
    assert {(row["width"], row["height"]) for row in found.values()} == {(96, 96)}
    assert all(row["identity"] == str(row["name"])[:3] for row in found.values())
    assert_people_apart(found)
    counts = Counter(row["split"] for row in found.values())
    assert counts["val"] / len(found) == pytest.approx(0.2, abs=0.06)


@pytest.mark.parametrize(
    ("dataset", "kept", "rejected"),
    [
        ("cacd", 20, {"name_off_pattern": 1}),
        ("agedb", 20, {"name_off_pattern": 1}),
        ("imdb-clean", 18, {"missing_file": 3}),
        (
            "imdb-wiki",
            10,
            {
                "age_impossible": 1,
                "age_missing": 1,
                "doubtful_face": 1,
                "missing_file": 1,
                "no_face": 1,
                "several_faces": 1,
            },
        ),
    ],
)
def test_other_data_sets(dataset: str, kept: int, rejected: dict[str, int], tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    match dataset:
        case "cacd":
            raw_datasets.cacd(source, raw_datasets.blobs)
        case "agedb":
            raw_datasets.agedb(source, raw_datasets.blobs)
        case "imdb-clean":
            raw_datasets.imdb_clean(source, raw_datasets.blobs)
        case "imdb-wiki":
            raw_datasets.imdb_wiki(source, "wiki", raw_datasets.blobs)
    prepare_here(PrepareOptions(dataset=dataset, crop="none"), source, out, chunk=7)
    found = rows(out)
    assert len(found) == kept
    assert reasons(out) == rejected
    assert_people_apart({n: row for n, row in found.items() if row["identity"]})
    counts = Counter(row["split"] for row in found.values())
    if dataset == "imdb-clean":
        assert counts == {"train": 6, "val": 6, "test": 6}
        assert found["01/nm0000010_rm100_1960-1-6_1990.jpg"]["split"] == "val"
    else:
        assert set(counts) == {"train", "val"}


def test_a_second_source_is_the_validation_split(
    ray_here: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for split, names in (("train", "abc"), ("val", "de")):
        raw_datasets.write(tmp_path, [f"{name}.jpg" for name in names], raw_datasets.blobs)
        lines = [f"{name}.jpg,{30 + i}" for i, name in enumerate(names)]
        (tmp_path / f"my-{split}.csv").write_text("\n".join(["name,age", *lines]))
    out = tmp_path / "results" / "out"
    train, val = str(tmp_path / "my-train.csv"), str(tmp_path / "my-val.csv")
    argv = ["csv", "--source", train, "--val-source", val, "--out", str(out), "--crop", "none"]
    assert prepare(argv, monkeypatch) == 0
    assert {name[0]: row["split"] for name, row in rows(out).items()} == {
        "a": "train", "b": "train", "c": "train", "d": "val", "e": "val",
    }  # fmt: skip


def test_a_link_is_followed_and_the_staging_folder_of_a_killed_run_is_removed(
    ray_here: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = [f"{i}.jpg" for i in range(6)]
    source = raw_datasets.write(tmp_path / "photos", names, raw_datasets.blobs)
    (source / "all.csv").write_text("name,age\n" + "".join(f"{i}.jpg,{i}\n" for i in range(6)))
    disk = tmp_path / "disk"
    disk.mkdir()
    (tmp_path / "out").symlink_to(disk / "faces")
    argv = ["csv", "--source", str(source), "--out", str(tmp_path / "out"), "--crop", "none"]
    kept: list[Path] = []

    def interrupt(self: Folder, name: str = "") -> None:
        if ".staging-" in self.path and not name and not self.path.endswith(("result", "replaced")):
            kept.append(Path(self.path))
            raise KeyboardInterrupt
        delete(self, name)

    delete = Folder.delete
    with monkeypatch.context() as patch:
        patch.setattr(Folder, "delete", interrupt)
        assert prepare(argv, patch) == 130
    assert kept[0].is_dir()
    assert (tmp_path / "out").is_symlink()
    whole = files(disk / "faces")
    assert prepare(argv, monkeypatch) == 0
    assert "already prepared" in capsys.readouterr().out
    assert [path.name for path in disk.iterdir()] == ["faces"]
    assert files(disk / "faces") == whole


@pytest.mark.parametrize(
    ("argv", "code", "line"),
    [
        (["utkface", "--source", "{tmp}/gone", "--out", "{tmp}/out"], 1, "there is no gone"),
        (["utkface", "--source", "{tmp}/empty", "--out", "{tmp}/out"], 1, "empty is empty"),
        (["csv", "--source", "{tmp}/bad.csv", "--out", "{tmp}/out"], 1, "lacks age"),
        (["fgnet", "--source", "{tmp}/a.zip", "--out", "{tmp}/out"], 1, "archive a.zip"),
        (["utkface", "--source", "{tmp}", "--out", "{tmp}/out"], 2, "must not be inside"),
        (["utkface", "--source", "{tmp}/empty", "--out", "{tmp}/o", "--split", "9"], 2, "sum to"),
        (
            ["utkface", "--source", "{tmp}/empty", "--out", "{tmp}/o", "--size", "0"],
            2,
            "needs crop",
        ),
        (["ytkface", "--source", "{tmp}/empty", "--out", "{tmp}/out"], 2, "ytkface"),
    ],
)
def test_an_error_is_one_line(
    argv: list[str],
    code: int,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.csv").write_text("name\na.jpg\n")
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04")
    before = sorted(tmp_path.iterdir())
    assert prepare([word.format(tmp=tmp_path) for word in argv], monkeypatch) == code
    shown = capsys.readouterr()
    assert line in shown.err
    assert shown.out == ""
    assert sorted(tmp_path.iterdir()) == before


def test_help_names_every_data_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert prepare(["--help"], monkeypatch) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in READERS)
    assert "Example: faceage prepare utkface" in shown


@pytest.mark.slow
def test_a_killed_and_a_terminated_run_end_in_the_same_bytes(
    tmp_path: Path, repository: Path
) -> None:
    names = [f"{1 + i % 90}_{i % 2}_{i % 5}_2017{i:013d}.jpg.chip.jpg" for i in range(1200)]
    source = tmp_path / "source"
    raw_datasets.write(source, names, lambda name: raw_datasets.blobs(name, 200))

    def start(out: str) -> subprocess.Popen[bytes]:
        options = ["--crop", "none", "--chunk", "40"]
        where = ["--source", str(source), "--out", str(tmp_path / out)]
        return subprocess.Popen(
            [sys.executable, "-m", "trainers.prepare", "utkface", *where, *options],
            cwd=repository,
            start_new_session=True,
            # As a shell starts a background process.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def chunks() -> list[Path]:
        return [
            path
            for path in tmp_path.glob("killed.staging-*/chunk-*.parquet")
            if "rejected" not in path.name
        ]

    def finish(run: subprocess.Popen[bytes]) -> None:
        _, errors = run.communicate()
        assert run.returncode == 0, errors.decode()

    def wait_for_chunks(run: subprocess.Popen[bytes], count: int) -> list[psutil.Process]:
        """Wait for this number of chunks; returns the processes of the run."""
        while len(chunks()) < count:
            assert run.poll() is None, run.communicate()[1].decode()
            time.sleep(0.01)
        return [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]

    killed = start("killed")
    family = wait_for_chunks(killed, 8)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    for process in family:  # Ray starts processes in other groups too
        try:
            process.kill()
            process.wait(30)
        except psutil.NoSuchProcess:
            pass
    left = {path.name: path.stat().st_mtime_ns for path in chunks()}
    assert 8 <= len(left) < 30
    assert not (tmp_path / "killed").exists()

    terminated = start("killed")
    family = wait_for_chunks(terminated, len(left) + 1)
    terminated.terminate()
    _, errors = terminated.communicate()
    assert (terminated.returncode, errors) == (130, b"")
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []
    assert not (tmp_path / "killed").exists()

    finish(start("killed"))
    finish(start("uninterrupted"))
    result = files(tmp_path / "killed")
    assert result == files(tmp_path / "uninterrupted")
    assert len(rows(tmp_path / "killed")) == 1200
    assert sorted(path.name for path in tmp_path.iterdir()) == ["killed", "source", "uninterrupted"]
