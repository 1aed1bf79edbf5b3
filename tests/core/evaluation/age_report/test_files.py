"""The files that a report becomes, and their plots."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceage_core.errors import InvalidArgument
from faceage_core.evaluation.age.files import write_report
from faceage_core.evaluation.age.plots import confusion_by_decade, plots
from faceage_core.evaluation.age.report import AgeReport
from tests.core.evaluation.age_report.made import (
    SMALL,
    predictions,
    report,
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    made = report(SMALL)
    write_report(tmp_path / "a" / "out", made, SMALL)
    files = {path.name: path.read_bytes() for path in (tmp_path / "a" / "out").iterdir()}
    assert AgeReport.model_validate_json(files["report.json"]) == made
    page = files["report.md"].decode()
    pictures = {name for name in files if name.endswith(".png")}
    assert len(pictures) == 4
    for name in pictures:
        assert f"]({name})" in page
        with Image.open(io.BytesIO(files[name])) as image:
            assert image.size[0] > 300
    assert list((tmp_path / "a").iterdir()) == [tmp_path / "a" / "out"]


def test_equal_input_gives_equal_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(tmp_path / name, report(SMALL), SMALL)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )
    assert one == two


def test_a_former_report_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_report(tmp_path / "out", report(SMALL), SMALL)
    other = predictions([30, 40], [31, 42])
    write_report(tmp_path / "out", report(other), other)
    found = AgeReport.model_validate_json((tmp_path / "out" / "report.json").read_bytes())
    assert found.overall.n == 2
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_other_files_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidArgument, match=r"thesis\.txt"):
        write_report(tmp_path, report(SMALL), SMALL)
    with pytest.raises(InvalidArgument, match="is a file"):
        write_report(tmp_path / "thesis.txt", report(SMALL), SMALL)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_confusion_counts_faces_by_decade() -> None:
    counts = confusion_by_decade(SMALL)
    assert counts.shape == (7, 7)
    assert {(int(r), int(c)): int(counts[r, c]) for r, c in np.argwhere(counts)} == {
        (0, 0): 1, (0, 1): 1, (1, 3): 1, (2, 2): 2, (4, 6): 1,
    }  # fmt: skip


@pytest.mark.parametrize("count", [1, 200])
def test_plots_of_few_and_many_faces(count: int) -> None:
    random = np.random.default_rng(count)
    true = random.uniform(0, 90, count)
    many = predictions(true.tolist(), np.clip(true + random.normal(0, 6, count), 0, 100).tolist())
    made = plots(many, report(many))
    assert all(content.startswith(b"\x89PNG") for content in made.values())
    assert len({len(content) for content in made.values()}) == 4
