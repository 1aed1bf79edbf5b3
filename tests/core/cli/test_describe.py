"""`faceage describe`: tables, report and errors."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from faceage_core.cli.describe import describe
from faceage_core.errors import InvalidArgument, InvalidDataset
from tests.core.data.factories import row, write_prepared


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(describe)
    return app


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    rows = [row(seed, name="secret.jpg") for seed in range(30)]
    return write_prepared(
        tmp_path / "faces", {"train": rows[:20], "val": rows[20:]}, rejected=[("x", "no_face")]
    )


def run(app: typer.Typer, *arguments: str | Path) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(app, [str(argument) for argument in arguments])


def test_it_prints_tables_and_writes_the_page(
    app: typer.Typer, faces: Path, tmp_path: Path
) -> None:
    out = tmp_path / "made" / "report.html"
    result = run(app, faces, "--out", out)
    assert result.exit_code == 0, result.output
    lines = [line.replace(" ", "") for line in result.stdout.splitlines()]
    assert "faces: 30 images, ages 0-29" in result.stdout
    for expected in ("│0-9│10│33.3%│", "│male│15│50.0%│", "│noface│1│"):
        assert expected in lines
    assert f"wrote {out}" in result.stdout
    assert "photos of people" in result.stderr
    assert "warning: The ages of train differ from" in " ".join(result.stderr.split())
    page = out.read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 30
    assert "secret.jpg" not in page
    assert list(out.parent.iterdir()) == [out]


def test_a_report_without_samples(app: typer.Typer, faces: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    result = run(app, faces, "--out", out, "--no-samples")
    assert result.exit_code == 0, result.output
    assert "data:image/jpeg" not in out.read_text(encoding="utf-8")
    assert "photos of people" not in result.stderr


def test_a_directory_without_a_data_set_writes_no_report(app: typer.Typer, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    result = run(app, tmp_path, "--out", out)
    assert isinstance(result.exception, InvalidDataset)
    assert "has no manifest.json: `faceage prepare` did not make it" in result.exception.message
    assert not out.exists()


def test_a_directory_as_output_is_rejected(app: typer.Typer, faces: Path, tmp_path: Path) -> None:
    result = run(app, faces, "--out", tmp_path)
    assert isinstance(result.exception, InvalidArgument)
    assert result.exception.field == "out"


def test_a_damaged_file_keeps_the_previous_report(
    app: typer.Typer, faces: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    out.write_text("former")
    (faces / "val" / "part-00001.parquet").write_bytes(b"PAR1")
    result = run(app, faces, "--out", out)
    assert isinstance(result.exception, InvalidDataset)
    assert out.read_text() == "former"


def test_the_help_has_an_example_and_a_privacy_note(app: typer.Typer) -> None:
    text = " ".join(run(app, "--help").output.split())
    for words in ("Example: faceage describe", "no-samples", "as private as the data set"):
        assert words in text.replace("│ ", "").replace(" │", "")
