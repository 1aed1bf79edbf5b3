"""The documented command of the loading benchmark, on a Parquet file with images only."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.loading import BASELINE, main, prepare
from faceage_core.data.layout import find_layout
from tests.core.data.factories import make_image


@pytest.fixture
def parquet_file(tmp_path: Path) -> Path:
    file = tmp_path / "faces.parquet"
    pq.write_table(pa.table({"image": [make_image(seed, 90) for seed in range(5)]}), file)
    return file


def test_a_parquet_file_becomes_a_readable_data_set(parquet_file: Path, tmp_path: Path) -> None:
    layout = find_layout(prepare(parquet_file, tmp_path, count=3))
    assert layout.manifest.splits == {"train": 3}


def test_the_documented_command_prints_every_variant(
    parquet_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(parquet_file), "--count", "4", "--rounds", "1"]) == 0
    shown = capsys.readouterr().out
    assert "4 images a round" in shown
    assert BASELINE in shown
    assert "loader, two processes: decode" in shown
