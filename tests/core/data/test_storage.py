"""Locations and listings, including unusual and invalid ones."""

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceage_core.data.storage import Folder
from faceage_core.errors import FaceageError, InvalidArgument, StorageError
from faceage_core.files.names import printable_name
from tests.core.data import raw_datasets


def listed(folder: Path) -> list[str]:
    return list(Folder.at(str(folder)).files)


def test_a_listing_follows_links_except_circular_ones(tmp_path: Path) -> None:
    inside, elsewhere = tmp_path / "inside", tmp_path / "elsewhere"
    raw_datasets.write(inside, ["a.jpg", "deep/b.jpg"])
    raw_datasets.write(elsewhere, ["c.jpg"])
    (inside / "here").symlink_to(".")
    (inside / "again").symlink_to(".")
    (inside / "deep" / "up").symlink_to("..")
    (inside / "gone").symlink_to("nowhere")
    (inside / "self").symlink_to("self")
    (inside / "other").symlink_to(elsewhere)
    (inside / "file.jpg").symlink_to(elsewhere / "c.jpg")
    (elsewhere / "back").symlink_to(inside)
    os.mkfifo(inside / "pipe")
    assert listed(inside) == ["a.jpg", "deep/b.jpg", "file.jpg", "other/c.jpg"]


def test_a_folder_reached_by_two_links_is_listed_under_both(tmp_path: Path) -> None:
    raw_datasets.write(tmp_path, ["faces/a.jpg"])
    (tmp_path / "link").symlink_to("faces")
    assert listed(tmp_path) == ["faces/a.jpg", "link/a.jpg"]


def test_a_listing_has_sizes_and_no_hidden_files(tmp_path: Path) -> None:
    raw_datasets.write(tmp_path, ["b.jpg", ".DS_Store", "a/._c.jpg"], lambda name: b"12345")
    assert Folder.at(str(tmp_path)).files == {"b.jpg": 5}
    assert Folder.at(str(tmp_path / "gone")).files == {}
    assert Folder.at(str(tmp_path / "b.jpg" / "below")).files == {}


@pytest.mark.parametrize("name", ["un", "un/lost+found", "un/a/caf\udce9"])
def test_a_folder_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    raw_datasets.write(tmp_path / "un", ["1.jpg", "a/2.jpg"])
    (tmp_path / name).mkdir(exist_ok=True)
    scandir = os.scandir

    def refuse(folder: str) -> Iterator[os.DirEntry[str]]:
        if Path(folder) == tmp_path / name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    message = f"{printable_name(name)} cannot be listed: Permission denied"
    with pytest.raises(StorageError, match=f"^{re.escape(message)}$"):
        listed(tmp_path / "un")


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("~no-such-user/x", "~no-such-user/x cannot be opened"),
        ("hf://datasets/someone/faces", "hf://datasets/someone/faces cannot be opened"),
        ("ftp://host/faces", "ftp://host/faces cannot be opened"),
        ("caf\udce9", r"caf\\udce9 cannot be opened: its path must be UTF-8"),
        ("s3://caf\udce9/x", "must be UTF-8"),
    ],
)
def test_the_error_about_an_invalid_location_is_one_line(location: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message) as caught:
        Folder.at(location)
    assert "\n" not in caught.value.message


def test_the_dots_of_a_local_path_are_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plain = Folder.at(str(tmp_path / "sets" / "one"))
    for location in ("x/../sets/./one/", "sets//one", f"file://{tmp_path}/x/../sets/one"):
        assert Folder.at(location) == plain
    assert Folder.at("x/../sets/one").name == "one"


def test_a_write_error_names_its_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match=r"^out/a\.json cannot be written: Not a directory$"):
        Folder.at(str(tmp_path / "file" / "out")).write("a.json", b"{}")


def test_the_size_is_checked_before_a_byte_is_read(tmp_path: Path) -> None:
    def refuse(size: int) -> None:
        raise FaceageError(f"{size} bytes")

    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(60 * 1024**3)
    with pytest.raises(FaceageError, match="^64424509440 bytes$"):
        Folder.at(str(tmp_path)).read("sparse", refuse)


def test_locations(tmp_path: Path) -> None:
    (tmp_path / "a file.csv").write_text("x")
    named = Folder.at(str(tmp_path / "a file.csv"))
    assert (named.file, named.path) == ("a file.csv", str(tmp_path))
    assert Folder.at(f"file://{tmp_path}").read("a file.csv") == b"x"
    assert Folder.at(f"file://{tmp_path}").is_local
    with pytest.raises(InvalidArgument, match="ftp://"):
        Folder.at("ftp://host/faces")
    with pytest.raises(StorageError, match=r"gone\.csv cannot be read: No such file"):
        Folder.at(str(tmp_path)).read("gone.csv")
