"""`faceage weights`: list, pull and verify."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faceage_core.cards import catalog
from faceage_core.cards.catalog import shipped_card, shipped_cards
from faceage_core.cards.weights import DownloadFile
from faceage_core.cli import weights as weights_module
from faceage_core.models.download import locate
from tests.core.cli.command import Run, assert_one_line, on_one_line


@pytest.fixture
def small_card(
    serve_file: Callable[[bytes], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> bytes:
    """facenet-vggface2 with a small file on a local server, and an empty cache."""
    content = bytes(range(256)) * 64
    entry = DownloadFile(url=serve_file(content), sha256=hashlib.sha256(content).hexdigest())
    changed = shipped_card("facenet-vggface2").model_copy(update={"weights": (entry,)})
    original = catalog._shipped

    def shipped(name: str) -> Any:
        return changed if name == "facenet-vggface2" else original(name)

    monkeypatch.setattr(catalog, "_shipped", shipped)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return content


def test_weights_are_listed_by_whole_names(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ended = run("weights", "list")
    assert ended.code == 0
    for card in shipped_cards():
        assert re.search(rf"\b{card.name}\b", ended.out), card.name


@pytest.mark.usefixtures("pipeline")
def test_weights_are_pulled_once_verified_and_listed(
    run: Run, small_card: bytes, tmp_path: Path
) -> None:
    listed = on_one_line(run("weights", "list").out)
    missing = run("weights", "verify", "facenet-vggface2")
    assert missing.code == 1
    assert_one_line(missing.err, "`faceage weights pull facenet-vggface2` downloads it")

    pulled = run("weights", "pull", "facenet-vggface2")
    assert pulled.code == 0, pulled.err
    (file,) = (tmp_path / "cache" / "faceage").glob("*.pt")
    assert file.read_bytes() == small_card
    assert pulled.out == f"facenet-vggface2: {file}\n"
    assert run("weights", "verify", "facenet-vggface2").out == "facenet-vggface2: ok\n"
    assert "not downloaded" in listed
    assert "in the cache" in on_one_line(run("weights", "list").out)

    file.write_bytes(small_card[:-1])
    damaged = run("weights", "verify", "facenet-vggface2")
    assert damaged.code == 1
    assert_one_line(damaged.err, "has sha256 ")
    assert run("weights", "pull", "facenet-vggface2").code == 0
    assert file.read_bytes() == small_card


@pytest.mark.usefixtures("small_card")
def test_verify_checks_all_models_on_this_machine(run: Run) -> None:
    ended = run("weights", "verify")
    assert ended.code == 0
    states = dict(line.split(": ") for line in ended.out.splitlines())
    assert states == {
        card.name: "not downloaded" if card.name == "facenet-vggface2" else "ok"
        for card in shipped_cards()
    }


def test_verify_a_given_file(run: Run, small_card: bytes, tmp_path: Path) -> None:
    mine = tmp_path / "mine.pt"
    mine.write_bytes(small_card)
    good = run("weights", "verify", "facenet-vggface2", "--weights", str(mine))
    assert (good.code, good.out) == (0, "mine.pt: ok, a weights file of facenet-vggface2\n")
    bad = run("weights", "verify", "dlib-resnet", "--weights", str(mine))
    assert bad.code == 1
    assert_one_line(bad.err, "mine.pt has sha256 ")
    unnamed = run("weights", "verify", "--weights", str(mine))
    assert unnamed.code == 2
    assert_one_line(unnamed.err, "needs the model's name")


def test_verify_any_file_of_a_model_with_several(run: Run) -> None:
    for file in shipped_card("mtcnn").weights:
        assert file.kind == "package"
        ended = run("weights", "verify", "mtcnn", "--weights", str(locate(file)))
        assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("command", ["pull", "verify"])
def test_an_unknown_model_is_wrong_usage(run: Run, command: str) -> None:
    ended = run("weights", command, "vgg")
    assert ended.code == 2
    assert_one_line(ended.err, "unknown model 'vgg'; known models: dlib-age, ")


@pytest.mark.usefixtures("pipeline")
def test_an_unreachable_server(
    run: Run, small_card: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert small_card
    entry = DownloadFile(url="http://127.0.0.1:9/face.pt", sha256="0" * 64)
    unreachable = shipped_card("facenet-vggface2").model_copy(update={"weights": (entry,)})
    monkeypatch.setattr(weights_module, "shipped_card", lambda name: unreachable)
    ended = run("weights", "pull", "facenet-vggface2")
    assert ended.code == 1
    assert_one_line(ended.err, r"face\.pt could not be downloaded: .*as identity_weights")
