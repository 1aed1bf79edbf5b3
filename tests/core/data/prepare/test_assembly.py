"""From staged chunks to the files of a prepared data set."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from faceage_core.data.manifest import read_manifest
from faceage_core.data.prepare.listing import list_source
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.prepare.output import publish
from faceage_core.data.prepare.plan import write_plan
from faceage_core.data.schema import REJECTED_SCHEMA, SCHEMA
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset
from tests.core.data import raw_datasets
from tests.core.data.prepare.factories import PLAIN, files, job_for, run


def test_a_prepared_data_set_has_the_schema(source: Path, tmp_path: Path) -> None:
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


def test_bytes_depend_neither_on_chunks_nor_on_the_location_of_the_source(
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


def test_an_empty_split_is_an_error_and_leaves_no_files(tmp_path: Path) -> None:
    source = raw_datasets.write(
        tmp_path / "source", [f"{i}_Cher_{20 + i}_f.jpg" for i in range(5)], raw_datasets.blobs
    )
    out = tmp_path / "out"
    job = job_for(source, Folder.at(str(out)))
    run(job)
    with pytest.raises(InvalidDataset, match="no image is left for val: 5 images form only 1"):
        publish(job, Folder.at(str(out)))
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_second_source_without_usable_images_is_an_error(source: Path, tmp_path: Path) -> None:
    raw_datasets.write(tmp_path / "val", ["1_Cher_20_f.jpg", "2_Cher_21_f.jpg"])
    folders = (Folder.at(str(source)), Folder.at(str(tmp_path / "val")))
    out = tmp_path / "out"
    job = write_plan(PLAIN, folders, list_source(PLAIN, folders), Folder.at(str(out)))
    run(job)
    with pytest.raises(InvalidDataset, match=r"left for val: rejected: .*2 unreadable_image"):
        publish(job, Folder.at(str(out)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "val"]


def test_a_source_without_usable_images_is_an_error(tmp_path: Path) -> None:
    source = raw_datasets.write(tmp_path / "source", ["1_Cher_20_f.jpg", "2_Cher_21_f.jpg"])
    job = job_for(source, Folder.at(str(tmp_path / "out")))
    run(job)
    with pytest.raises(InvalidDataset, match="no image could be used; rejected: 2 unread"):
        publish(job, Folder.at(str(tmp_path / "out")))


def test_the_manifest_is_plain_json(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    job = job_for(source, Folder.at(str(out)))
    run(job)
    publish(job, Folder.at(str(out)))
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["options"]["size_px"] == 32
    assert str(tmp_path) not in (out / "manifest.json").read_text()
    assert sum(manifest["splits"].values()) == manifest["kept"] == 20


def test_an_empty_split_of_the_source_is_an_error(source: Path, tmp_path: Path) -> None:
    names = sorted(path.name for path in source.iterdir())[:8]
    (source / "train.csv").write_text("name,age\n" + "".join(f"{n},30\n" for n in names))
    (source / "val.csv").write_text("name,age\ngone.jpg,30\n")
    options = PrepareOptions(dataset="csv", crop="none", size_px=32)
    job = job_for(source, Folder.at(str(tmp_path / "out")), options)
    assert job.given_splits == ("train", "val")
    run(job)
    with pytest.raises(InvalidDataset, match=r"left for val: rejected: .*1 missing_file"):
        publish(job, Folder.at(str(tmp_path / "out")))
