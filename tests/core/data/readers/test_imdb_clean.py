from collections import Counter
from pathlib import Path

import pytest

from faceage_core.data.schema import Entry
from faceage_core.errors import InvalidDataset
from faceage_core.types import Box
from tests.core.data import raw_datasets
from tests.core.data.readers.listing import listed


@pytest.mark.parametrize("resized", [True, False])
def test_imdb_clean(tmp_path: Path, resized: bool) -> None:
    entries, rejections = listed("imdb-clean", raw_datasets.imdb_clean(tmp_path, resized=resized))
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


def test_imdb_clean_rejects_rows_of_a_truncated_table(tmp_path: Path) -> None:
    table = raw_datasets.imdb_clean(tmp_path) / "csvs" / "imdb_train_new_1024.csv"
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
    with pytest.raises(InvalidDataset, match="it lists no image"):
        listed("imdb-clean", tmp_path)


def test_imdb_clean_rejects_a_row_with_a_surplus_field(tmp_path: Path) -> None:
    table = raw_datasets.imdb_clean(tmp_path) / "csvs" / "imdb_train_new_1024.csv"
    header, first, *rest = table.read_text().splitlines()
    table.write_text("\n".join([header, f"{first},5", *rest]))
    entries, rejections = listed("imdb-clean", tmp_path)
    assert rejections[first.partition(",")[0]] == "label_unreadable"
    assert len(entries) == 17


def test_imdb_clean_prefers_the_resized_images(tmp_path: Path) -> None:
    raw_datasets.imdb_clean(tmp_path, resized=False)
    entries, _ = listed("imdb-clean", raw_datasets.imdb_clean(tmp_path, resized=True))
    assert len(entries) == 18
    assert all("imdb-clean-1024/" in entry.path for entry in entries.values())
