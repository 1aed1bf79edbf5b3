"""The accuracy of a fully trained checkpoint of the recipe utkface_cpu when it is served.

Training takes more than an hour, so these tests need a checkpoint:
FACEAGE_TEST_CHECKPOINT=runs/utkface_cpu/best FACEAGE_TEST_PREPARED=prepared/utkface
"""

import os
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from benchmarks.age import subjects
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import FacePipeline

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def checkpoint() -> Path:
    if "FACEAGE_TEST_CHECKPOINT" not in os.environ:
        pytest.skip("FACEAGE_TEST_CHECKPOINT is not set")
    return Path(os.environ["FACEAGE_TEST_CHECKPOINT"])


def error(checkpoint: Path, rows: list[dict[str, object]], *, canvas: bool) -> float:
    """The MAE of the whole path from decoding to the network, without faces that are not found."""
    pipeline = FacePipeline(ModelOptions(age_checkpoint=checkpoint))
    errors = [
        abs(face.age_prediction - float(str(row["age"])))
        for row, face in subjects(pipeline, rows, canvas=canvas)
        if face
    ]
    assert len(errors) > 0.98 * len(rows)
    return float(np.mean(errors))


def test_whole_photos_have_the_error_of_the_prepared_set(checkpoint: Path, data_dir: Path) -> None:
    from trainers.evaluation import evaluate

    if "FACEAGE_TEST_PREPARED" not in os.environ:
        pytest.skip("FACEAGE_TEST_PREPARED is not set")
    evaluated = evaluate(checkpoint, os.environ["FACEAGE_TEST_PREPARED"]).report.overall.mae.value
    assert evaluated <= 4.8
    rows = pq.read_table(data_dir / "utkface_trainval.parquet")
    rows = rows.filter(pc.equal(rows["split"], "val")).to_pylist()
    assert error(checkpoint, rows, canvas=True) == pytest.approx(evaluated, abs=0.3)


def test_the_error_on_another_data_set_is_small(checkpoint: Path, data_dir: Path) -> None:
    rows = pq.read_table(data_dir / "fgnet_odd_people.parquet").to_pylist()
    assert error(checkpoint, rows, canvas=False) <= 5.0
