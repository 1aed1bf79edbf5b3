from pathlib import Path

from tests.core.data import raw_datasets
from tests.core.data.readers.listing import listed


def test_agedb(tmp_path: Path) -> None:
    entries, rejections = listed("agedb", raw_datasets.agedb(tmp_path))
    assert len(entries) == 20
    callas = entries["1_MariaCallas_21_f.jpg"]
    assert (callas.identity, callas.age_years, callas.gender) == ("MariaCallas", 21, "female")
    assert entries["5_SeanConnery_2_m.jpg"].gender == "male"
    assert rejections == {"99_Nobody_x_m.jpg": "name_off_pattern"}
