from pathlib import Path

import pytest

from faceage_core.data.readers import load_reader
from faceage_core.data.schema import Entry, Rejection
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset
from tests.core.data import raw_datasets


def listed(source: Path) -> list[Entry | Rejection]:
    return list(load_reader("csv").entries(Folder.at(str(source))))


def test_every_column(tmp_path: Path) -> None:
    raw_datasets.write(tmp_path, ["photos/a.jpg", "photos/b.png"])
    (tmp_path / "faces.csv").write_text(
        "Name,AGE,gender,race,identity,split\n"
        "a.jpg,31.5,F,asian,ann,train\n"
        "photos/b.png, 7 ,male,,,validation\n",
        encoding="utf-8-sig",
    )
    assert listed(tmp_path) == [
        Entry("photos/a.jpg", "a.jpg", 31.5, "female", "asian", "ann", "train"),
        Entry("photos/b.png", "photos/b.png", 7, "male", None, None, "val"),
    ]
    assert listed(tmp_path / "faces.csv") == listed(tmp_path)


@pytest.mark.parametrize("name", ["./a.jfif", "photos/a.jfif", "./x/../photos/a.jfif", "a.jfif"])
def test_paths_are_normalised(tmp_path: Path, name: str) -> None:
    raw_datasets.write(tmp_path, ["photos/a.jfif"])
    (tmp_path / "faces.csv").write_text(f"name,age\n{name},30\n")
    (item,) = listed(tmp_path)
    assert isinstance(item, Entry)
    assert (item.path, item.name) == ("photos/a.jfif", name)


def test_unusable_rows_are_rejected(tmp_path: Path) -> None:
    raw_datasets.write(tmp_path, ["a.jpg", "x/twice.jpg", "y/twice.jpg"])
    (tmp_path / "faces.csv").write_text(
        "name,age,gender,split\n"
        "gone.jpg,30,,\n"
        "a.jpg,,,\n"
        "a.jpg,nan,,\n"
        "a.jpg,130,,\n"
        "a.jpg,30,1,\n"
        "a.jpg,30,,holdout\n"
        "twice.jpg,30,,\n"
        "a.jpg\n"
        "a.jpg,2_5,,\n"
        "a.jpg,30,,\n"
    )
    *rejections, kept = listed(tmp_path)
    assert [item.reason for item in rejections if isinstance(item, Rejection)] == [
        "missing_file",
        "age_missing",
        "age_missing",
        "age_impossible",
        "gender_unknown",
        "split_unknown",
        "missing_file",
        "age_missing",
        "age_missing",
    ]
    details = [item.detail for item in rejections if isinstance(item, Rejection)]
    assert details[0] == "faces.csv, line 2: there is no picture 'gone.jpg'"
    assert "'twice.jpg' occurs 2 times, such as x/twice.jpg: give the path" in details[6]
    assert kept == Entry("a.jpg", "a.jpg", 30)


def test_a_rejection_names_the_first_line_of_its_row(tmp_path: Path) -> None:
    raw_datasets.write(tmp_path, ["a.jpg"])
    (tmp_path / "faces.csv").write_text(
        'name,age,identity\n\na.jpg,30,"Ann\nof Cleves"\n,,\n"gone\n.jpg",31,\na.jpg,old,\n'
    )
    lines = [item.detail for item in listed(tmp_path) if isinstance(item, Rejection)]
    assert [line.partition(":")[0] for line in lines] == ["faces.csv, line 6", "faces.csv, line 8"]


def test_a_row_with_surplus_fields_is_rejected(tmp_path: Path) -> None:
    raw_datasets.write(tmp_path, ["a.jpg", "b.jpg"])
    (tmp_path / "faces.csv").write_text("name,age\na.jpg,20,5\nb.jpg,30, ,\n")
    detail = "faces.csv, line 2: the row has 3 fields, the header 2"
    assert listed(tmp_path) == [
        Rejection("a.jpg", "label_unreadable", detail),
        Entry("b.jpg", "b.jpg", 30),
    ]


def test_columns_without_a_name_are_allowed(tmp_path: Path) -> None:
    raw_datasets.write(tmp_path, ["a.jpg"])
    (tmp_path / "faces.csv").write_text(",name,age,\n0,a.jpg,30,\n")
    assert listed(tmp_path) == [Entry("a.jpg", "a.jpg", 30)]


def test_csv_files_named_after_splits(tmp_path: Path) -> None:
    raw_datasets.write(tmp_path, ["a.jpg", "b.jpg", "c.jpg"])
    for split, name in (("train", "a"), ("val", "b"), ("test", "c")):
        (tmp_path / f"{split}.csv").write_text(f"name,age\n{name}.jpg,30\n")
    splits = [(item.name, item.split) for item in listed(tmp_path) if isinstance(item, Entry)]
    assert splits == [("a.jpg", "train"), ("b.jpg", "val"), ("c.jpg", "test")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"file,years\na.jpg,3\n", "lacks name, age and has file, years"),
        (b"name\na.jpg\n", "lacks age and has name"),
        (b"", "has none"),
        (b"name,age\n", "there are none"),
        (b"name,age, AGE\na.jpg,3,4\n", r"once in faces\.csv; its header has age more than once$"),
        (b"name,age\n\n,\n\n", r"faces\.csv; there are none, so it lists no image"),
        (b"\xff\xfe\x00\x01", "not UTF-8"),
        (b'name,age\na.jpg,3\n"a.jpg,3\n', r"faces\.csv is malformed in line 3: unexpected end"),
    ],
)
def test_invalid_csv_files(tmp_path: Path, text: bytes, message: str) -> None:
    raw_datasets.write(tmp_path, ["a.jpg"])
    (tmp_path / "faces.csv").write_bytes(text)
    with pytest.raises(InvalidDataset, match=message):
        listed(tmp_path)


def test_several_csv_files_are_ambiguous(tmp_path: Path) -> None:
    raw_datasets.write(tmp_path, ["a.jpg", "one.csv", "two.csv"])
    with pytest.raises(InvalidDataset, match=r"one\.csv, two\.csv: name one"):
        listed(tmp_path)


def test_hidden_folders_and_invalid_names_are_ignored(tmp_path: Path) -> None:
    raw_datasets.write(tmp_path, ["a.jpg", ".thumbnails/a.jpg", "x/.cache/deep/b.jpg", "x/b.jpg"])
    raw_datasets.write(tmp_path, ["caf\udce9/b.jpg", "caf\udce9.csv"])
    (tmp_path / "faces.csv").write_text("name,age\na.jpg,30\nb.jpg,31\n")
    assert listed(tmp_path) == [Entry("a.jpg", "a.jpg", 30), Entry("x/b.jpg", "b.jpg", 31)]
