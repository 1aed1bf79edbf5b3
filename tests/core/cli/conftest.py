"""Fixtures of the CLI tests: the command, preloaded models, a photo without a face."""

import sys
from pathlib import Path

import pytest
from PIL import Image

import faceage_core.pipeline as pipeline_module
from faceage_core.cli import main as main_module
from faceage_core.pipeline import Pipeline
from tests.core.cli.command import CommandResult, Run


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process, by the function that the installed script calls."""

    def run(*arguments: str) -> CommandResult:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["faceage", *arguments])
        with pytest.raises(SystemExit) as ended:
            main_module.main()
        written = capsys.readouterr()
        code = ended.value.code
        assert "Traceback" not in written.out + written.err
        return CommandResult(code if isinstance(code, int) else 0, written.out, written.err)

    return run


@pytest.fixture
def loaded(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands use the preloaded default models."""
    monkeypatch.setattr(pipeline_module, "Pipeline", lambda *_, **__: pipeline)
    monkeypatch.setattr(pipeline_module, "FacePipeline", lambda *_, **__: pipeline)


@pytest.fixture
def photo_without_face(tmp_path: Path) -> str:
    """A photo without a face."""
    path = tmp_path / "sea.png"
    Image.new("RGB", (120, 90), "navy").save(path)
    return str(path)
