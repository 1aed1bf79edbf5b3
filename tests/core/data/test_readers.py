import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.prepare.plan import list_source
from faceage_core.data.readers import READERS, load_reader
from faceage_core.data.schema import Entry, Rejection
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset
from faceage_core.types import Box
from tests.core.data import sources


def day_of(born: date) -> float:
    """As MATLAB counts days."""
    return born.toordinal() + 366.0


def first_photo(born: float, taken: int) -> Callable[[dict[str, np.ndarray]], None]:
    """A change of a table: when the person of its first photo was born, and photographed."""

    def change(struct: dict[str, np.ndarray]) -> None:
        struct["dob"][0, 0], struct["photo_taken"][0, 0] = born, taken

    return change


def listed(dataset: str, source: Path) -> tuple[dict[str, Entry], dict[str, str]]:
    items = list(load_reader(dataset).entries(Folder.at(str(source))))
    entries = {item.name: item for item in items if isinstance(item, Entry)}
    rejections = {item.name: item.reason for item in items if isinstance(item, Rejection)}
    assert len(entries) + len(rejections) == len(items)
    assert all((source / entry.path).is_file() for entry in entries.values())
    return entries, rejections


def test_utkface_reads_names_as_they_really_are(tmp_path: Path) -> None:
    names = [
        "100_0_0_20170112215240346.jpg.chip.jpg",
        "1_1_4_20161219162025.jpg",
        "24_0_1_20170116220224657 .jpg.chip.jpg",
        "55_0_0_20170116232725357jpg.chip.jpg",
        "44_1_4_20170116235150272.pg.chip.jpg",
        "14_0_0_2017011022340900.jpg.chip.jpg",
        "39_1_20170116174525125.jpg.chip.jpg",
        "61_3_20170109150557335.jpg.chip.jpg",
        "53__0_20170116184028385.jpg.chip.jpg",
        "121_0_0_20170112215240346.jpg.chip.jpg",
        "holiday.jpg",
        ".DS_Store",
        "._100_0_0_20170112215240346.jpg.chip.jpg",
        "readme.txt",
    ]
    entries, rejections = listed("utkface", sources.write(tmp_path / "part1", names).parent)
    first = entries["100_0_0_20170112215240346.jpg.chip.jpg"]
    assert (first.age_years, first.gender, first.race, first.identity) == (
        100,
        "male",
        "white",
        None,
    )
    assert first.path == f"part1/{first.name}"
    assert [entries[name].age_years for name in names[:7]] == [100, 1, 24, 55, 44, 14, 39]
    assert entries[names[1]].gender == "female"
    assert entries[names[1]].race == "other"
    assert entries[names[6]].gender == "female"
    assert entries[names[6]].race is None
    assert len(entries) == 7
    assert rejections == {
        f"part1/{names[7]}": "name_off_pattern",
        f"part1/{names[8]}": "name_off_pattern",
        "part1/holiday.jpg": "name_off_pattern",
        names[9]: "age_impossible",
    }


def test_names_that_are_not_utf8_are_set_aside(tmp_path: Path) -> None:
    sources.write(tmp_path, ["20_Beyonc\udce9_0001.jpg", "20_Cher_0001.jpg", "\udce9/notes.txt"])
    items = list(load_reader("cacd").entries(Folder.at(str(tmp_path))))
    detail = "a path must be UTF-8 text to be read"
    assert items == [
        Rejection(r"20_Beyonc\udce9_0001.jpg", "name_not_utf8", detail),
        Entry("20_Cher_0001.jpg", "20_Cher_0001.jpg", 20, identity="Cher"),
    ]


def test_pictures_in_hidden_folders_are_passed_over(tmp_path: Path) -> None:
    sources.write(tmp_path, [".thumbnails/001A02.JPG", "a/.b/001A03.JPG"])
    with pytest.raises(InvalidDataset, match="is empty"):
        listed("fgnet", tmp_path)
    sources.write(tmp_path, ["__MACOSX/001A04.JPG"])
    entries, rejections = listed("fgnet", tmp_path)
    assert list(entries) == ["001A04.JPG"]
    assert not rejections


def test_fgnet(tmp_path: Path) -> None:
    names = ["001A02.JPG", "001A43a.JPG", "082A00.jpg", "1A2.JPG"]
    entries, rejections = listed("fgnet", sources.write(tmp_path / "images", names).parent)
    assert [(e.identity, e.age_years, e.gender) for e in entries.values()] == [
        ("001", 2, None),
        ("001", 43, None),
        ("082", 0, None),
    ]
    assert rejections == {"images/1A2.JPG": "name_off_pattern"}


def test_cacd(tmp_path: Path) -> None:
    entries, rejections = listed("cacd", sources.cacd(tmp_path))
    assert Counter(entry.identity for entry in entries.values()) == {
        "Robin Williams": 5,
        "Zooey Deschanel": 5,
        "Jean-Luc O'Neil": 5,
        "Robert Downey Jr.": 5,
    }
    assert entries["21_Zooey_Deschanel_0001.jpg"].age_years == 21
    assert rejections == {"CACD2000/Robin_Williams_0001.jpg": "name_off_pattern"}


def test_agedb(tmp_path: Path) -> None:
    entries, rejections = listed("agedb", sources.agedb(tmp_path))
    assert len(entries) == 20
    callas = entries["1_MariaCallas_21_f.jpg"]
    assert (callas.identity, callas.age_years, callas.gender) == ("MariaCallas", 21, "female")
    assert entries["5_SeanConnery_2_m.jpg"].gender == "male"
    assert rejections == {"99_Nobody_x_m.jpg": "name_off_pattern"}


@pytest.mark.parametrize("resized", [True, False])
def test_imdb_clean(tmp_path: Path, resized: bool) -> None:
    entries, rejections = listed("imdb-clean", sources.imdb_clean(tmp_path, resized=resized))
    assert Counter(entry.split for entry in entries.values()) == {"train": 6, "val": 6, "test": 6}
    photo = entries["01/nm0000011_rm100_1960-1-6_1990.jpg"]
    assert photo == Entry(
        path=f"data/{'imdb-clean-1024' if resized else 'imdb'}/{photo.name}",
        name=photo.name,
        age_years=30,
        gender="female",
        identity="nm0000011",
        split="val",
        box=Box(20, 20, 70.5, 70),
    )
    assert set(rejections.values()) == {"missing_file"}
    assert len(rejections) == 3


def test_imdb_clean_sets_the_rows_of_a_table_that_is_cut_short_aside(tmp_path: Path) -> None:
    table = sources.imdb_clean(tmp_path) / "csvs" / "imdb_train_new_1024.csv"
    header, first, *_ = table.read_text().splitlines()
    name = first.partition(",")[0]
    for cut, reasons in (
        (name[:-1], {name[:-1]: "missing_file"}),
        (f"{name},3", {name: "row_cut_short"}),
    ):
        table.write_text(f"{header}\n{cut}")
        entries, rejections = listed("imdb-clean", tmp_path)
        assert {name: reason for name, reason in rejections.items() if name[1] == "0"} == reasons
        assert len(entries) == 12
    table.write_text(f"{header}\n\n\n")
    with pytest.raises(InvalidDataset, match="it lists no picture"):
        listed("imdb-clean", tmp_path)


def test_imdb_clean_sets_a_row_with_a_field_too_many_aside(tmp_path: Path) -> None:
    table = sources.imdb_clean(tmp_path) / "csvs" / "imdb_train_new_1024.csv"
    header, first, *rest = table.read_text().splitlines()
    table.write_text("\n".join([header, f"{first},5", *rest]))
    entries, rejections = listed("imdb-clean", tmp_path)
    assert rejections[first.partition(",")[0]] == "label_unreadable"
    assert len(entries) == 17


def test_imdb_clean_prefers_the_resized_pictures(tmp_path: Path) -> None:
    sources.imdb_clean(tmp_path, resized=False)
    entries, _ = listed("imdb-clean", sources.imdb_clean(tmp_path, resized=True))
    assert len(entries) == 18
    assert all("imdb-clean-1024/" in entry.path for entry in entries.values())


def test_imdb_wiki_reads_both_parts_and_cleans_them(tmp_path: Path) -> None:
    sources.imdb_wiki(tmp_path, "imdb")
    entries, rejections = listed("imdb-wiki", sources.imdb_wiki(tmp_path, "wiki"))
    assert len(entries) == 20
    photo = entries["wiki_crop/02/2_wiki.jpg"]
    # born on 3 January 1960, photographed in the middle of 1982
    assert photo.age_years == pytest.approx(22.49, abs=0.01)
    assert (photo.gender, photo.identity, photo.box) == ("female", "Person 1", None)
    assert entries["imdb_crop/00/3_imdb.jpg"].gender == "male"
    assert entries["imdb_crop/01/25_imdb.jpg"].gender is None
    assert entries["imdb_crop/02/26_imdb.jpg"].identity is None
    assert {name: reason for name, reason in rejections.items() if "wiki" in name} == {
        "wiki_crop/02/20_wiki.jpg": "no_face",
        "wiki_crop/00/21_wiki.jpg": "doubtful_face",
        "wiki_crop/01/22_wiki.jpg": "several_faces",
        "wiki_crop/02/23_wiki.jpg": "age_missing",
        "wiki_crop/00/24_wiki.jpg": "age_impossible",
        "wiki_crop/00/27_wiki.jpg": "missing_file",
    }


def test_imdb_wiki_full_photos_have_boxes(tmp_path: Path) -> None:
    source = sources.imdb_wiki(tmp_path, "wiki", cropped=False)
    entries, _ = listed("imdb-wiki", source)
    assert entries["wiki/01/1_wiki.jpg"].box == Box(10, 20, 60, 80)
    directly, _ = listed("imdb-wiki", source / "wiki")
    assert directly["01/1_wiki.jpg"].box == Box(10, 20, 60, 80)


def test_imdb_wiki_knows_a_crop_by_the_folder_that_is_named(tmp_path: Path) -> None:
    entries, _ = listed("imdb-wiki", sources.imdb_wiki(tmp_path, "imdb") / "imdb_crop")
    assert entries["01/1_imdb.jpg"].box is None


def test_imdb_wiki_sets_rows_with_unreadable_labels_aside(tmp_path: Path) -> None:
    def spoil(struct: dict[str, np.ndarray]) -> None:
        for field, row, value in (
            ("dob", 0, np.array(["today"])),
            ("face_score", 1, np.empty((0, 0))),
            ("face_score", 2, np.array([[3.5]])),
            ("gender", 3, np.empty((0, 0))),
            ("full_path", 4, np.array(["00/a.jpg", "00/b.jpg"])),
            ("face_location", 5, np.array(["1", "b", "c", "d"])),
        ):
            struct[field] = struct[field].astype(object)
            struct[field][0, row] = value

    entries, rejections = listed("imdb-wiki", spoiled(tmp_path, spoil))
    assert rejections["wiki/00/0_wiki.jpg"] == "label_unreadable"
    assert rejections["wiki/01/1_wiki.jpg"] == "label_unreadable"
    assert rejections["wiki/"] == "missing_file"
    assert entries["wiki/02/2_wiki.jpg"].gender == "female"
    assert entries["wiki/00/3_wiki.jpg"].gender is None
    assert entries["wiki/02/5_wiki.jpg"].box is None


@pytest.mark.parametrize(
    ("born", "taken", "age_years"),
    [
        (date(1900, 7, 1), 2000, 100),
        (date(1960, 7, 1), 1961, 1),
        (date(1960, 2, 29), 1964, 4 + 124 / 365.2425),  # as if born on the 28th
        (date(1980, 12, 31), 1981, 1 - 183 / 365.2425),
    ],
)
def test_imdb_wiki_counts_years_by_the_calendar(
    tmp_path: Path, born: date, taken: int, age_years: float
) -> None:
    entries, _ = listed("imdb-wiki", spoiled(tmp_path, first_photo(day_of(born), taken)))
    assert entries["wiki/00/0_wiki.jpg"].age_years == pytest.approx(age_years, abs=1e-9)


def test_imdb_wiki_says_how_far_an_age_is_from_possible(tmp_path: Path) -> None:
    source = spoiled(tmp_path, first_photo(day_of(date(1900, 6, 30)), 2000))
    rejected, *_ = load_reader("imdb-wiki").entries(Folder.at(str(source)))
    detail = "the age must be 0 to 100 years, got 100.003"
    assert rejected == Rejection("wiki/00/0_wiki.jpg", "age_impossible", detail)


@pytest.mark.parametrize("day", [0.0, 366.5, day_of(date.max) + 1, np.inf])
def test_imdb_wiki_takes_a_day_of_no_calendar_as_missing(tmp_path: Path, day: float) -> None:
    _, rejections = listed("imdb-wiki", spoiled(tmp_path, first_photo(day, 2000)))
    assert rejections["wiki/00/0_wiki.jpg"] == "age_missing"


def test_imdb_wiki_columns_must_be_of_one_length(tmp_path: Path) -> None:
    def shorten(struct: dict[str, np.ndarray]) -> None:
        struct["gender"] = struct["gender"][:, :-1]

    with pytest.raises(InvalidDataset, match=r"one length in wiki\.mat; found dob 16.* gender 15"):
        listed("imdb-wiki", spoiled(tmp_path, shorten))


def test_imdb_wiki_without_a_row_lists_no_picture(tmp_path: Path) -> None:
    def empty(struct: dict[str, np.ndarray]) -> None:
        for field, column in struct.items():
            struct[field] = column[:, :0]

    folders = [Folder.at(str(spoiled(tmp_path, empty)))]
    with pytest.raises(InvalidDataset, match=f"^{tmp_path.name} lists no picture$"):
        list_source(PrepareOptions(dataset="imdb-wiki"), folders)


def spoiled(folder: Path, change: Callable[[dict[str, np.ndarray]], None]) -> Path:
    """An IMDB-WIKI folder whose table was changed."""
    table = sources.imdb_wiki(folder, "wiki", cropped=False) / "wiki" / "wiki.mat"
    found = loadmat(table)["wiki"][0, 0]
    struct = {field: found[field] for field in found.dtype.names}
    change(struct)
    savemat(table, {"wiki": struct})
    return folder


def test_a_truncated_mat_file_is_one_clear_line(tmp_path: Path) -> None:
    table = sources.imdb_wiki(tmp_path, "wiki") / "wiki_crop" / "wiki.mat"
    table.write_bytes(table.read_bytes()[:-300])
    with pytest.raises(InvalidDataset, match=r"wiki\.mat is damaged or cut short") as caught:
        listed("imdb-wiki", tmp_path)
    assert "\n" not in caught.value.message


def test_a_mat_file_that_holds_hdf5_is_named(tmp_path: Path) -> None:
    table = sources.imdb_wiki(tmp_path, "wiki") / "wiki_crop" / "wiki.mat"
    table.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + bytes(384) + b"\x89HDF")
    with pytest.raises(
        InvalidDataset, match=r"wiki\.mat is one of version 7\.3, which is not read"
    ):
        listed("imdb-wiki", tmp_path)


@pytest.mark.parametrize("dataset", READERS)
def test_a_wrong_source_says_what_was_expected_and_found(tmp_path: Path, dataset: str) -> None:
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
    sources.write(wrong, ["IMG_1.jpg", "notes.txt"])
    assert "found 1 pictures named otherwise, such as IMG_1.jpg" in message(wrong)
    sources.write(archived, ["set.tar.gz"])
    assert "the archive set.tar.gz: download it whole and extract it first" in message(archived)
    with zipfile.ZipFile(tmp_path / "set.zip", "w"):
        pass
    assert "set.zip" in message(tmp_path / "set.zip")
    assert all("expected" in message(source) for source in (empty, wrong, archived))
