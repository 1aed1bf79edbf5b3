"""The command with models that are loaded once, photos, and small weights."""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from faceage_core import card as card_module
from faceage_core import pipeline as pipeline_module
from faceage_core.card import DownloadFile, shipped_card
from faceage_core.cli import main as main_module
from faceage_core.cli import weights as weights_module
from faceage_core.pipeline import Pipeline
from tests.cli.command import Ended, Run


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process, through the function that the installed script calls."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["faceage", *arguments])
        with pytest.raises(SystemExit) as ended:
            main_module.main()
        written = capsys.readouterr()
        code = ended.value.code
        assert "Traceback" not in written.out + written.err
        return Ended(code if isinstance(code, int) else 0, written.out, written.err)

    return run


@pytest.fixture
def loaded(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands with the default models take those that are loaded already."""
    monkeypatch.setattr(pipeline_module, "Pipeline", lambda *_, **__: pipeline)
    monkeypatch.setattr(pipeline_module, "FacePipeline", lambda *_, **__: pipeline)


@pytest.fixture
def sea(tmp_path: Path) -> str:
    """A photo without a face."""
    path = tmp_path / "sea.png"
    Image.new("RGB", (120, 90), "navy").save(path)
    return str(path)


@pytest.fixture
def small_card(
    serve_file: Callable[[bytes], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> bytes:
    """facenet-vggface2 with a small file on a local server, and an empty cache."""
    content = bytes(range(256)) * 64
    entry = DownloadFile(url=serve_file(content), sha256=hashlib.sha256(content).hexdigest())
    changed = shipped_card("facenet-vggface2").model_copy(update={"weights": (entry,)})
    original = shipped_card

    def shipped(name: str) -> Any:
        return changed if name == "facenet-vggface2" else original(name)

    monkeypatch.setattr(card_module, "shipped_card", shipped)
    monkeypatch.setattr(weights_module, "shipped_card", shipped)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return content
