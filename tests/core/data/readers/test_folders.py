"""Behaviour that all readers of folders have in common."""

import zipfile
from pathlib import Path

import pytest

from faceage_core.data.readers import READERS, load_reader
from faceage_core.data.schema import Entry, Rejection
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset
from tests.core.data import raw_datasets
from tests.core.data.readers.listing import listed


def test_names_that_are_not_utf8_are_rejected(tmp_path: Path) -> None:
    raw_datasets.write(
        tmp_path, ["20_Beyonc\udce9_0001.jpg", "20_Cher_0001.jpg", "\udce9/notes.txt"]
    )
    items = list(load_reader("cacd").entries(Folder.at(str(tmp_path))))
    detail = "a path must be UTF-8 text to be read"
    assert items == [
        Rejection(r"20_Beyonc\udce9_0001.jpg", "name_not_utf8", detail),
        Entry("20_Cher_0001.jpg", "20_Cher_0001.jpg", 20, identity="Cher"),
    ]


def test_images_in_hidden_folders_are_ignored(tmp_path: Path) -> None:
    raw_datasets.write(tmp_path, [".thumbnails/001A02.JPG", "a/.b/001A03.JPG"])
    with pytest.raises(InvalidDataset, match="is empty"):
        listed("fgnet", tmp_path)
    raw_datasets.write(tmp_path, ["__MACOSX/001A04.JPG"])
    entries, rejections = listed("fgnet", tmp_path)
    assert list(entries) == ["001A04.JPG"]
    assert not rejections


@pytest.mark.parametrize("dataset", READERS)
def test_a_wrong_source_names_what_was_expected_and_found(tmp_path: Path, dataset: str) -> None:
    def message(source: Path) -> str:
        with pytest.raises(InvalidDataset) as caught:
            list(load_reader(dataset).entries(Folder.at(str(source))))
        assert "\n" not in caught.value.message
        assert str(tmp_path) not in caught.value.message
        return caught.value.message

    empty, wrong, archived = (tmp_path / name for name in ("empty", "wrong", "archived"))
    empty.mkdir()
    assert "the folder empty is empty" in message(empty)
    assert "there is no missing" in message(tmp_path / "missing")
    raw_datasets.write(wrong, ["IMG_1.jpg", "notes.txt"])
    assert "found 1 images with other names, such as IMG_1.jpg" in message(wrong)
    raw_datasets.write(archived, ["set.tar.gz"])
    assert "the archive set.tar.gz: download it whole and extract it first" in message(archived)
    with zipfile.ZipFile(tmp_path / "set.zip", "w"):
        pass
    assert "set.zip" in message(tmp_path / "set.zip")
    assert all("expected" in message(source) for source in (empty, wrong, archived))
