from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceage_core.data.describe.columns import Columns, read_columns
from faceage_core.data.describe.samples import choose_rows, read_samples
from faceage_core.data.layout import Layout, find_layout
from tests.core.data.factories import make_image, row, write_prepared


def test_samples_cover_every_band_and_are_stable(columns: Columns) -> None:
    assert choose_rows(columns, 10, per_band=1) == choose_rows(columns, 10, per_band=1)
    ages = [columns.ages[index] for index in choose_rows(columns, 10, per_band=2)]
    assert [int(age // 10) for age in ages] == [0, 2, 2, 6]
    assert ages == sorted(ages)
    digests = columns.table["sha256"].to_pylist()
    twenties = sorted((1, 2, 3, 4), key=lambda index: digests[index])
    assert choose_rows(columns, 10, per_band=1)[1] == twenties[0]


def test_samples_are_the_requested_rows(layout: Layout, columns: Columns) -> None:
    samples = read_samples(layout, columns, [3, 0, 4])
    assert [(s.age_years, s.gender, s.split) for s in samples] == [
        (pytest.approx(29.9), "male", "train"),
        (4.5, "female", "train"),
        (25, "male", "val"),
    ]
    for sample, seed in zip(samples, (4, 1, 5), strict=True):
        assert sample.jpeg is not None
        with (
            Image.open(BytesIO(make_image(seed))) as original,
            Image.open(BytesIO(sample.jpeg)) as got,
        ):
            assert got.size == (96, 96)
            expected = np.asarray(original.resize((96, 96))).astype(int)
            assert np.abs(np.asarray(got) - expected).mean() < 6


def test_an_undecodable_sample_has_no_thumbnail(tmp_path: Path) -> None:
    root = write_prepared(tmp_path / "faces", {"train": [row(1, image=b"none"), row(2)]}, parts=1)
    layout = find_layout(root)
    broken, whole = read_samples(layout, read_columns(layout), [0, 1])
    assert broken.jpeg is None
    assert whole.jpeg is not None
