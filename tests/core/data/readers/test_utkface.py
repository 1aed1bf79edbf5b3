from pathlib import Path

from tests.core.data import raw_datasets
from tests.core.data.readers.listing import listed


def test_utkface_accepts_irregular_names(tmp_path: Path) -> None:
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
    entries, rejections = listed("utkface", raw_datasets.write(tmp_path / "part1", names).parent)
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
