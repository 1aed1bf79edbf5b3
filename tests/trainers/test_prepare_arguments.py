"""Arguments that `faceage prepare` rejects or accepts before it starts Ray."""

import sys
from pathlib import Path

import pytest

from tests.core.data import raw_datasets
from trainers import preparation
from trainers.prepare import main


class RayStarted(Exception):
    """The arguments were accepted."""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a data set "vs" and a file; starting Ray raises."""

    def no_ray(address: str | None) -> None:
        raise RayStarted

    raw_datasets.write(tmp_path, ["vs/a.jpg", "x/b.jpg", "file"])
    (tmp_path / "vs" / "faces.csv").write_text("name,age\na.jpg,30\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(preparation, "ray_session", no_ray)


def run(
    monkeypatch: pytest.MonkeyPatch, source: str = "vs", out: str = "out", *more: str
) -> int | str | None:
    argv = ["prepare", "csv", "--source", source, "--out", out, *more]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as exit_:
        main()
    return exit_.value.code


@pytest.mark.parametrize(
    ("argv", "code", "line"),
    [
        (["", "out"], 2, "--source must be a path or a URI, got ''"),
        (["vs", " "], 2, "--out must be a path or a URI, got ' '"),
        (
            ["vs", "out", "--val-source", ""],
            2,
            "--val-source must be a path or a URI, got ''",
        ),
        (
            ["vs", "o", "--val-source", "vs", "--split", "80/20"],
            2,
            "--split cannot be combined with a second",
        ),
        (
            ["vs", "o", "--val-source", "vs", "--folds", "3"],
            2,
            "--folds cannot be combined with a second",
        ),
        (["x/../vs", "vs/out"], 2, "--out must not be inside the source"),
        (["~no-such-user/x", "out"], 2, "~no-such-user/x cannot be opened"),
        (["vs", "file/out"], 1, "out cannot be created in "),
    ],
)
def test_a_rejection_is_one_line(
    argv: list[str],
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, *argv) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert line in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("out", ["vs/../out", "vs-out"])
def test_a_result_beside_the_source_is_accepted(out: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RayStarted):
        run(monkeypatch, "vs", out)
