"""The files of a report."""

import io
from pathlib import Path

import pytest
from PIL import Image

from faceage_core.errors import InvalidArgument
from faceage_core.evaluation.age.files import write_report
from faceage_core.evaluation.age.report import AgeReport
from tests.core.evaluation.age.factories import SMALL, predictions, report


def test_the_written_report_can_be_read(tmp_path: Path) -> None:
    found_report = report(SMALL)
    write_report(tmp_path / "a" / "out", found_report, SMALL)
    files = {path.name: path.read_bytes() for path in (tmp_path / "a" / "out").iterdir()}
    assert AgeReport.model_validate_json(files["report.json"]) == found_report
    page = files["report.md"].decode()
    images = {name for name in files if name.endswith(".png")}
    assert len(images) == 4
    for name in images:
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


def test_an_existing_report_is_replaced_as_a_whole(tmp_path: Path) -> None:
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
    with pytest.raises(InvalidArgument, match="must be a directory; thesis.txt is a file"):
        write_report(tmp_path / "thesis.txt", report(SMALL), SMALL)
    assert (tmp_path / "thesis.txt").read_text() == "mine"
