"""From entries to the files of a prepared data set, without Ray."""

import io
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyarrow import fs

from faceage_core.data.manifest import read_manifest
from faceage_core.data.prepare.chunks import ChunkProcessor, pending
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.prepare.plan import Job, list_source, write_plan
from faceage_core.data.prepare.output import finished, publish
from faceage_core.data.prepare.output_lock import reserved
from faceage_core.data.schema import REJECTED_SCHEMA, SCHEMA
from faceage_core.data.shards import PartWriter, parquet
from faceage_core.data.storage import Folder
from faceage_core.errors import (
    InvalidArgument,
    InvalidDataset,
    StorageError,
)
from tests.core.data import sources

PLAIN = PrepareOptions(dataset="agedb", crop="none", size_px=32)


def job_for(source: Path, out: Folder, options: PrepareOptions = PLAIN, chunk: int = 6) -> Job:
    folders = (Folder.at(str(source)),)
    return write_plan(options, folders, list_source(options, folders), out, chunk)


def run(job: Job) -> None:
    maker = ChunkProcessor(job)
    for index in pending(job):
        maker.make(index)


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return sources.agedb(tmp_path / "source", sources.blobs)


def test_a_prepared_data_set_is_what_the_schema_says(source: Path, tmp_path: Path) -> None:
    (source / "0_MariaCallas_1_f.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    same = (source / "5_SeanConnery_2_m.jpg").read_bytes()
    (source / "70_SeanConnery_44_m.jpg").write_bytes(same)
    out = tmp_path / "out"
    job = job_for(source, Folder.at(str(out)))
    run(job)
    manifest = publish(job, Folder.at(str(out)))

    assert manifest == read_manifest(Folder.at(str(out)))
    assert manifest.rejected == {
        "conflicting_ages": 2,
        "name_off_pattern": 1,
        "unreadable_image": 1,
    }
    assert (manifest.read, manifest.kept) == (22, 18)
    assert manifest.license.startswith("AgeDB")
    tables = {split: pq.read_table(out / split) for split in ("train", "val")}
    assert {split: len(table) for split, table in tables.items()} == manifest.splits
    rows = pa.concat_tables([table.select(SCHEMA.names) for table in tables.values()])
    assert pq.read_schema(out / "train" / "part-00000.parquet").equals(SCHEMA)
    by_name = {row["name"]: row for row in rows.to_pylist()}
    assert len(by_name) == 18
    row = by_name["7_SeanConnery_42_m.jpg"]
    image = Image.open(io.BytesIO(row["image"]))
    assert image.size == (32, 32) == (row["width"], row["height"])
    assert (row["age_years"], row["gender"], row["identity"]) == (42, "male", "SeanConnery")
    people = [set(table["identity"].to_pylist()) for table in tables.values()]
    assert not people[0] & people[1]
    rejected = pq.read_table(out / "rejected.parquet")
    assert rejected.schema.equals(REJECTED_SCHEMA)
    assert len(rejected) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "source"]


def test_bytes_do_not_depend_on_chunks_nor_on_where_the_source_lies(
    source: Path, tmp_path: Path
) -> None:
    results = []
    for number, chunk in enumerate((1, 6, 100)):
        moved = tmp_path / f"moved{number}"
        source.rename(moved)
        out = tmp_path / f"out{number}"
        job = job_for(moved, Folder.at(str(out)), chunk=chunk)
        run(job)
        publish(job, Folder.at(str(out)))
        results.append(files(out))
        moved.rename(source)
    assert results[0] == results[1] == results[2]
    assert len(results[0]) == 4


@pytest.mark.parametrize(("pictures", "chunk"), [(1, 1), (100, 32), (20_792, 162), (500_000, 512)])
def test_small_sources_are_shared_out_and_large_ones_not_in_crumbs(
    pictures: int, chunk: int, source: Path, tmp_path: Path
) -> None:
    folders = (Folder.at(str(source)),)
    listing = list_source(PLAIN, folders)
    many = replace(listing, entries=listing.entries[:1] * pictures)
    job = write_plan(PLAIN, folders, many, Folder.at(str(tmp_path / "out")))
    assert sum(job.chunk_sizes) == pictures
    assert max(job.chunk_sizes) == chunk


def test_a_run_that_is_taken_up_again_makes_only_what_is_missing(
    source: Path, tmp_path: Path
) -> None:
    out = Folder.at(str(tmp_path / "out"))
    job = job_for(source, out)
    ChunkProcessor(job).make(2)
    again = job_for(source, out)
    assert again.staging.path == job.staging.path
    assert pending(again) == [0, 1, 3]
    assert pending(job_for(source, out, PLAIN.model_copy(update={"quality": 50}))) == [0, 1, 2, 3]


def test_a_finished_result_is_recognised_and_never_replaced_by_accident(
    source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    job = job_for(source, Folder.at(str(out)))
    run(job)
    manifest = publish(job, Folder.at(str(out)))

    def there(options: PrepareOptions, digest: str, *, overwrite: bool = False) -> object:
        return finished(Folder.at(str(out)), options, digest, overwrite=overwrite)

    (out / ".DS_Store").write_bytes(b"")  # whoever opens the folder on a Mac leaves one
    assert there(PLAIN, job.source_digest) == manifest
    (out / ".DS_Store").unlink()
    other = PLAIN.model_copy(update={"seed": 1})
    for options, digest in ((other, job.source_digest), (PLAIN, "another source")):
        with pytest.raises(InvalidArgument, match="--overwrite"):
            there(options, digest)
        assert there(options, digest, overwrite=True) is None
    (out / "manifest.json").write_text('{"schema_version": 99}')
    with pytest.raises(InvalidArgument, match="--overwrite"):
        there(PLAIN, job.source_digest)
    (out / "manifest.json").unlink()
    with pytest.raises(InvalidArgument, match="--overwrite"):
        there(PLAIN, job.source_digest)


def test_a_result_that_is_not_whole_is_not_taken_for_finished(source: Path, tmp_path: Path) -> None:
    out = Folder.at(str(tmp_path / "out"))
    job = job_for(source, out)
    run(job)
    publish(job, out)
    (tmp_path / "out" / "train" / "part-00000.parquet").unlink()
    with pytest.raises(InvalidArgument, match="or is damaged; --overwrite replaces it"):
        finished(out, PLAIN, job.source_digest, overwrite=False)
    assert finished(out, PLAIN, job.source_digest, overwrite=True) is None


@pytest.mark.parametrize("other", ["thesis.tex", "notes", ".env", "train/part-0.parquet", "a/b/c"])
def test_a_folder_with_other_files_is_never_replaced(tmp_path: Path, other: str) -> None:
    (tmp_path / "out" / other).parent.mkdir(parents=True)
    (tmp_path / "out" / other).write_text("mine")
    out = Folder.at(str(tmp_path / "out"))
    with pytest.raises(InvalidArgument, match="holds other files"):
        finished(out, PLAIN, "", overwrite=True)


def test_what_is_no_folder_is_never_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "out")
    with pytest.raises(InvalidArgument, match="--out must be a folder; out is none"):
        finished(Folder.at(str(tmp_path / "out")), PLAIN, "", overwrite=True)


def test_a_mount_point_is_refused_before_any_work() -> None:
    with pytest.raises(InvalidArgument, match="proc is a mount point: name a new folder in it"):
        finished(Folder.at("/proc"), PLAIN, "", overwrite=False)


def test_a_result_is_worked_on_by_one_run_at_a_time(tmp_path: Path) -> None:
    out = Folder.at(str(tmp_path / "sets" / "out"))
    with reserved(out), pytest.raises(InvalidArgument, match="working on out"), reserved(out):
        pass
    with reserved(out):
        pass
    assert not list((tmp_path / "sets").iterdir())


def test_a_result_that_cannot_be_made_is_told_by_its_option(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    out = Folder.at(str(tmp_path / "file" / "out"))
    with pytest.raises(StorageError, match="--out: out cannot be made in file"), reserved(out):
        pass


def test_overwriting_leaves_only_the_new(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for options in (PLAIN, PLAIN.model_copy(update={"folds": 2})):
        job = job_for(source, Folder.at(str(out)), options)
        run(job)
        publish(job, Folder.at(str(out)))
    assert sorted(path.name for path in out.iterdir()) == [
        "fold-0", "fold-1", "manifest.json", "rejected.parquet",
    ]  # fmt: skip


def test_on_an_object_store_the_manifest_comes_last(source: Path, tmp_path: Path) -> None:
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


def test_a_split_that_stays_empty_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    source = sources.write(
        tmp_path / "source", [f"{i}_Cher_{20 + i}_f.jpg" for i in range(5)], sources.blobs
    )
    out = tmp_path / "out"
    job = job_for(source, Folder.at(str(out)))
    run(job)
    with pytest.raises(InvalidDataset, match="no picture is left for val: 5 pictures form only 1"):
        publish(job, Folder.at(str(out)))
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_second_source_of_which_nothing_is_left_is_an_error(source: Path, tmp_path: Path) -> None:
    sources.write(tmp_path / "val", ["1_Cher_20_f.jpg", "2_Cher_21_f.jpg"])
    folders = (Folder.at(str(source)), Folder.at(str(tmp_path / "val")))
    out = tmp_path / "out"
    job = write_plan(PLAIN, folders, list_source(PLAIN, folders), Folder.at(str(out)))
    run(job)
    with pytest.raises(InvalidDataset, match=r"left for val: set aside were .*2 unreadable_image"):
        publish(job, Folder.at(str(out)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "val"]


def test_no_usable_picture_is_an_error(tmp_path: Path) -> None:
    source = sources.write(tmp_path / "source", ["1_Cher_20_f.jpg", "2_Cher_21_f.jpg"])
    job = job_for(source, Folder.at(str(tmp_path / "out")))
    run(job)
    with pytest.raises(InvalidDataset, match="no picture could be used; set aside were 2 unread"):
        publish(job, Folder.at(str(tmp_path / "out")))


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """The system refuses to write longer files, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_cannot_be_written_is_one_line_and_leaves_no_part(
    source: Path, tmp_path: Path
) -> None:
    job = job_for(source, Folder.at(str(tmp_path / "out")))
    with files_limited_to(6_000), pytest.raises(StorageError, match="File too large") as caught:
        ChunkProcessor(job).make(0)
    assert "\n" not in caught.value.message
    assert 0 in pending(job)
    assert not list(tmp_path.rglob("*.part"))


def test_parts_end_by_rows_alone() -> None:
    rows = [
        dict.fromkeys(SCHEMA.names, "x")
        | {"image": b"x" * (10 + i), "age_years": 1.0, "width": 1, "height": 1, "name": str(i)}
        for i in range(50)
    ]
    table = pa.Table.from_pylist(rows, schema=SCHEMA)

    def written(step: int) -> list[bytes]:
        memory = fs._MockFileSystem()
        memory.create_dir("out")
        writer = PartWriter(Folder(memory, "out"), part_bytes=300)
        for start in range(0, len(rows), step):
            writer.add(table.slice(start, step))
        writer.close()
        assert writer.rows == 50
        return [Folder(memory, "out").read(name) for name in sorted(Folder(memory, "out").files)]

    parts = written(50)
    assert len(parts) > 3
    assert parts == written(7) == written(1)
    names = [name for part in parts for name in pq.read_table(io.BytesIO(part))["name"].to_pylist()]
    assert names == [str(i) for i in range(50)]
    assert parquet(table).equals(parquet(table))


def test_the_manifest_is_plain_json(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    job = job_for(source, Folder.at(str(out)))
    run(job)
    publish(job, Folder.at(str(out)))
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["options"]["size_px"] == 32
    assert str(tmp_path) not in (out / "manifest.json").read_text()
    assert sum(manifest["splits"].values()) == manifest["kept"] == 20


def test_a_split_that_the_source_states_does_not_vanish(source: Path, tmp_path: Path) -> None:
    names = sorted(path.name for path in source.iterdir())[:8]
    (source / "train.csv").write_text("name,age\n" + "".join(f"{n},30\n" for n in names))
    (source / "val.csv").write_text("name,age\ngone.jpg,30\n")
    options = PrepareOptions(dataset="csv", crop="none", size_px=32)
    job = job_for(source, Folder.at(str(tmp_path / "out")), options)
    assert job.given_splits == ("train", "val")
    run(job)
    with pytest.raises(InvalidDataset, match=r"left for val: set aside were .*1 missing_file"):
        publish(job, Folder.at(str(tmp_path / "out")))
