from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from faceage_core.data.prepare.listing import list_source
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.readers import load_reader
from faceage_core.data.schema import Rejection
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset
from faceage_core.types import Box
from tests.core.data import raw_datasets
from tests.core.data.readers.listing import listed


def day_of(born: date) -> float:
    """The number of a date in MATLAB."""
    return born.toordinal() + 366.0


def first_photo(born: float, taken: int) -> Callable[[dict[str, np.ndarray]], None]:
    """A change of the date of birth and the year of the first photo in a table."""

    def change(struct: dict[str, np.ndarray]) -> None:
        struct["dob"][0, 0], struct["photo_taken"][0, 0] = born, taken

    return change


def changed_source(folder: Path, change: Callable[[dict[str, np.ndarray]], None]) -> Path:
    """An IMDB-WIKI folder whose table was changed."""
    table = raw_datasets.imdb_wiki(folder, "wiki", cropped=False) / "wiki" / "wiki.mat"
    found = loadmat(table)["wiki"][0, 0]
    struct = {field: found[field] for field in found.dtype.names}
    change(struct)
    savemat(table, {"wiki": struct})
    return folder


def test_imdb_wiki_reads_both_parts_and_cleans_them(tmp_path: Path) -> None:
    raw_datasets.imdb_wiki(tmp_path, "imdb")
    entries, rejections = listed("imdb-wiki", raw_datasets.imdb_wiki(tmp_path, "wiki"))
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
    source = raw_datasets.imdb_wiki(tmp_path, "wiki", cropped=False)
    entries, _ = listed("imdb-wiki", source)
    assert entries["wiki/01/1_wiki.jpg"].box == Box(10, 20, 60, 80)
    directly, _ = listed("imdb-wiki", source / "wiki")
    assert directly["01/1_wiki.jpg"].box == Box(10, 20, 60, 80)


def test_imdb_wiki_recognises_crops_by_the_name_of_the_source(tmp_path: Path) -> None:
    entries, _ = listed("imdb-wiki", raw_datasets.imdb_wiki(tmp_path, "imdb") / "imdb_crop")
    assert entries["01/1_imdb.jpg"].box is None


def test_imdb_wiki_rejects_unreadable_labels(tmp_path: Path) -> None:
    def change(struct: dict[str, np.ndarray]) -> None:
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

    entries, rejections = listed("imdb-wiki", changed_source(tmp_path, change))
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
def test_imdb_wiki_computes_calendar_years(
    tmp_path: Path, born: date, taken: int, age_years: float
) -> None:
    entries, _ = listed("imdb-wiki", changed_source(tmp_path, first_photo(day_of(born), taken)))
    assert entries["wiki/00/0_wiki.jpg"].age_years == pytest.approx(age_years, abs=1e-9)


def test_imdb_wiki_states_an_impossible_age(tmp_path: Path) -> None:
    source = changed_source(tmp_path, first_photo(day_of(date(1900, 6, 30)), 2000))
    rejected, *_ = load_reader("imdb-wiki").entries(Folder.at(str(source)))
    detail = "the age must be 0 to 100 years, got 100.003"
    assert rejected == Rejection("wiki/00/0_wiki.jpg", "age_impossible", detail)


@pytest.mark.parametrize("day", [0.0, 366.5, day_of(date.max) + 1, np.inf])
def test_imdb_wiki_treats_an_invalid_date_as_missing(tmp_path: Path, day: float) -> None:
    _, rejections = listed("imdb-wiki", changed_source(tmp_path, first_photo(day, 2000)))
    assert rejections["wiki/00/0_wiki.jpg"] == "age_missing"


def test_imdb_wiki_columns_must_have_one_length(tmp_path: Path) -> None:
    def shorten(struct: dict[str, np.ndarray]) -> None:
        struct["gender"] = struct["gender"][:, :-1]

    with pytest.raises(InvalidDataset, match=r"one length in wiki\.mat; found dob 16.* gender 15"):
        listed("imdb-wiki", changed_source(tmp_path, shorten))


def test_imdb_wiki_without_rows_is_an_error(tmp_path: Path) -> None:
    def empty(struct: dict[str, np.ndarray]) -> None:
        for field, column in struct.items():
            struct[field] = column[:, :0]

    folders = [Folder.at(str(changed_source(tmp_path, empty)))]
    with pytest.raises(InvalidDataset, match=f"^{tmp_path.name} lists no image$"):
        list_source(PrepareOptions(dataset="imdb-wiki"), folders)


def test_a_truncated_mat_file_is_an_error(tmp_path: Path) -> None:
    table = raw_datasets.imdb_wiki(tmp_path, "wiki") / "wiki_crop" / "wiki.mat"
    table.write_bytes(table.read_bytes()[:-300])
    with pytest.raises(InvalidDataset, match=r"wiki\.mat is damaged or cut short") as caught:
        listed("imdb-wiki", tmp_path)
    assert "\n" not in caught.value.message


def test_a_mat_file_of_version_7_3_is_an_error(tmp_path: Path) -> None:
    table = raw_datasets.imdb_wiki(tmp_path, "wiki") / "wiki_crop" / "wiki.mat"
    table.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + bytes(384) + b"\x89HDF")
    with pytest.raises(
        InvalidDataset, match=r"wiki\.mat is one of version 7\.3, which is not read"
    ):
        listed("imdb-wiki", tmp_path)
