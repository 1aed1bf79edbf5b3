"""A small data set with leaks between its splits, and its description."""

from pathlib import Path

import pytest

from faceage_core.data.describe.columns import Columns, read_columns, read_rejections
from faceage_core.data.describe.description import Description, describe
from faceage_core.data.layout import Layout, find_layout
from tests.core.data.describe.factories import FAR, NEAR
from tests.core.data.factories import row, write_prepared


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    train = [
        row(1, age_years=4.5, gender="female", race="Black", perceptual_hash=FAR[0]),
        row(2, age_years=25, gender="female", race="White", perceptual_hash=FAR[1]),
        row(3, age_years=25, gender=None, race="White", perceptual_hash=FAR[2], identity="a"),
        row(4, age_years=29.9, gender="male", race=None, perceptual_hash=FAR[3], identity="b"),
    ]
    val = [
        row(5, age_years=25, gender="male", race="White", perceptual_hash=NEAR, identity="a"),
        row(2, age_years=61, gender="male", race="White", perceptual_hash=FAR[1], width=200),
    ]
    rejected = [("x", "unreadable_image"), ("y", "age_missing"), ("z", "unreadable_image")]
    root = write_prepared(
        tmp_path / "faces",
        {"train": train, "val": val},
        rejected=rejected,
        manifest={"dataset": "utkface", "license": "for <b>research</b> only"},
    )
    return find_layout(root)


@pytest.fixture
def columns(layout: Layout) -> Columns:
    return read_columns(layout)


@pytest.fixture
def description(layout: Layout, columns: Columns) -> Description:
    return describe(layout.name, layout.manifest, columns, read_rejections(layout))
