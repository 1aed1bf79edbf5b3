from collections import Counter
from pathlib import Path

from tests.core.data import raw_datasets
from tests.core.data.readers.listing import listed


def test_cacd(tmp_path: Path) -> None:
    entries, rejections = listed("cacd", raw_datasets.cacd(tmp_path))
    assert Counter(entry.identity for entry in entries.values()) == {
        "Robin Williams": 5,
        "Zooey Deschanel": 5,
        "Jean-Luc O'Neil": 5,
        "Robert Downey Jr.": 5,
    }
    assert entries["21_Zooey_Deschanel_0001.jpg"].age_years == 21
    assert rejections == {"CACD2000/Robin_Williams_0001.jpg": "name_off_pattern"}
