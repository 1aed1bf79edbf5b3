"""A small raw data set."""

from pathlib import Path

import pytest

from tests.core.data import raw_datasets


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return raw_datasets.agedb(tmp_path / "source", raw_datasets.blobs)
