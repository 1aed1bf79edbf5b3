"""Weights files inside installed packages."""

import re
import sys
from pathlib import Path

import pytest

from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.weights import PackageFile
from faceage_core.errors import WeightsMismatch, WeightsUnavailable
from faceage_core.models import download
from tests.core.models.download.file_server import SMALL, sha256


def test_locate_finds_a_file_without_importing_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "crashing_models"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "inner" / "net.onnx").write_bytes(b"net")
    monkeypatch.syspath_prepend(tmp_path)
    for name, path in [
        ("crashing_models", "inner/net.onnx"),
        ("crashing_models.inner", "net.onnx"),
    ]:
        found = download.locate(PackageFile(package=name, path=path, sha256=sha256(b"net")))
        assert found.read_bytes() == b"net"


@pytest.mark.parametrize("card", ["sface", "dlib-resnet"])
def test_locate_finds_an_identity_network(card: str) -> None:
    (file,) = shipped_card(card).weights
    assert isinstance(file, PackageFile)
    assert download.locate(file).is_file()


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("no_such_package", "no_such_package, which contains net.onnx, is not installed"),
        ("facenet_pytorch", "facenet_pytorch does not contain net.onnx"),
    ],
)
def test_locate_names_what_is_missing(package: str, message: str) -> None:
    with pytest.raises(WeightsUnavailable, match=re.escape(message)):
        download.locate(PackageFile(package=package, path="net.onnx", sha256="0" * 64))


def test_verify(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(SMALL)
    download.verify(path, sha256(SMALL))
    with pytest.raises(WeightsMismatch, match=rf"^net\.pt has sha256 {sha256(SMALL)}"):
        download.verify(path, sha256(b"another"))
    with pytest.raises(WeightsUnavailable, match=r"^none\.pt cannot be read"):
        download.verify(tmp_path / "none.pt", sha256(SMALL))


@pytest.mark.skipif(sys.platform != "linux", reason="the variable exists on Linux only")
def test_cache_dir_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert download.cache_dir() == tmp_path / "faceage"
