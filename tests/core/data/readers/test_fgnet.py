from pathlib import Path

from tests.core.data import raw_datasets
from tests.core.data.readers.listing import listed


def test_fgnet(tmp_path: Path) -> None:
    names = ["001A02.JPG", "001A43a.JPG", "082A00.jpg", "1A2.JPG"]
    entries, rejections = listed("fgnet", raw_datasets.write(tmp_path / "images", names).parent)
    assert [(e.identity, e.age_years, e.gender) for e in entries.values()] == [
        ("001", 2, None),
        ("001", 43, None),
        ("082", 0, None),
    ]
    assert rejections == {"images/1A2.JPG": "name_off_pattern"}
