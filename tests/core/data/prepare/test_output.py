"""Which folders may be replaced, and how a result gets its name."""

import os
from pathlib import Path

import pytest
from pyarrow import fs

from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.prepare.output import find_finished, publish
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidArgument
from tests.core.data.prepare.factories import PLAIN, files, job_for, run


def test_a_finished_result_is_recognised_and_replaced_only_on_request(
    source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    job = job_for(source, Folder.at(str(out)))
    run(job)
    manifest = publish(job, Folder.at(str(out)))

    def find(options: PrepareOptions, digest: str, *, overwrite: bool = False) -> object:
        return find_finished(Folder.at(str(out)), options, digest, overwrite=overwrite)

    (out / ".DS_Store").write_bytes(b"")  # macOS creates this file when the folder is opened
    assert find(PLAIN, job.source_digest) == manifest
    (out / ".DS_Store").unlink()
    other = PLAIN.model_copy(update={"seed": 1})
    for options, digest in ((other, job.source_digest), (PLAIN, "another source")):
        with pytest.raises(InvalidArgument, match="was prepared with other options"):
            find(options, digest)
        assert find(options, digest, overwrite=True) is None
    (out / "manifest.json").write_text('{"schema_version": 99}')
    with pytest.raises(InvalidArgument, match="was prepared with other options"):
        find(PLAIN, job.source_digest)
    (out / "manifest.json").unlink()
    with pytest.raises(InvalidArgument, match="was prepared with other options"):
        find(PLAIN, job.source_digest)


def test_an_incomplete_result_is_not_finished(source: Path, tmp_path: Path) -> None:
    out = Folder.at(str(tmp_path / "out"))
    job = job_for(source, out)
    run(job)
    publish(job, out)
    (tmp_path / "out" / "train" / "part-00000.parquet").unlink()
    with pytest.raises(InvalidArgument, match="or is damaged"):
        find_finished(out, PLAIN, job.source_digest, overwrite=False)
    assert find_finished(out, PLAIN, job.source_digest, overwrite=True) is None


@pytest.mark.parametrize("other", ["thesis.tex", "notes", ".env", "train/part-0.parquet", "a/b/c"])
def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path, other: str) -> None:
    (tmp_path / "out" / other).parent.mkdir(parents=True)
    (tmp_path / "out" / other).write_text("mine")
    out = Folder.at(str(tmp_path / "out"))
    with pytest.raises(InvalidArgument, match="contains other files"):
        find_finished(out, PLAIN, "", overwrite=True)


def test_a_device_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out")
    with pytest.raises(InvalidArgument, match="must be a folder; out is not"):
        find_finished(Folder.at(str(tmp_path / "out")), PLAIN, "", overwrite=True)


def test_a_mount_point_is_never_replaced() -> None:
    with pytest.raises(InvalidArgument, match="proc is a mount point: name a new folder in it"):
        find_finished(Folder.at("/proc"), PLAIN, "", overwrite=False)


def test_overwriting_leaves_no_old_files(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for options in (PLAIN, PLAIN.model_copy(update={"folds": 2})):
        job = job_for(source, Folder.at(str(out)), options)
        run(job)
        publish(job, Folder.at(str(out)))
    assert sorted(path.name for path in out.iterdir()) == [
        "fold-0", "fold-1", "manifest.json", "rejected.parquet",
    ]  # fmt: skip


def test_on_an_object_store_the_manifest_is_written_last(source: Path, tmp_path: Path) -> None:
    (tmp_path / "bucket").mkdir()
    store = fs.SubTreeFileSystem(str(tmp_path / "bucket"), fs.LocalFileSystem())
    out = Folder(store, "sets/agedb")
    job = job_for(source, out)
    run(job)
    (tmp_path / "bucket" / "sets" / "agedb" / "train").mkdir(parents=True)
    (tmp_path / "bucket" / "sets" / "agedb" / "train" / "part-00007.parquet").write_bytes(b"old")
    publish(job, out)
    result = tmp_path / "bucket" / "sets" / "agedb"
    written = {name: (result / name).stat().st_mtime_ns for name in files(result)}
    assert max(written, key=lambda name: written[name]) == "manifest.json"
    assert "train/part-00007.parquet" not in written
    assert sorted(path.name for path in result.parent.iterdir()) == ["agedb"]

    local = tmp_path / "local"
    job = job_for(source, Folder.at(str(local)))
    run(job)
    publish(job, Folder.at(str(local)))
    assert files(local) == files(result)
