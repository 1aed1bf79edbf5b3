"""Failed downloads: the error, and what remains in the cache."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from faceage_core.cards.weights import DownloadFile
from faceage_core.errors import WeightsMismatch, WeightsUnavailable
from faceage_core.models import download
from tests.core.models.download.file_server import SMALL, FileServer, names_in, sha256


def test_a_file_with_another_sha256_is_rejected(server: FileServer, cache: Path) -> None:
    expected = sha256(b"another")
    with pytest.raises(WeightsMismatch) as caught:
        download.fetch(server.file(sha256=expected), cache)
    assert expected in caught.value.message
    assert sha256(SMALL) in caught.value.message
    assert names_in(cache) == set()


def test_a_damaged_cached_file_is_downloaded_again(server: FileServer, cache: Path) -> None:
    path = download.fetch(server.file(), cache)
    path.write_bytes(SMALL[:-1] + b"\0")
    assert download.fetch(server.file(), cache).read_bytes() == SMALL
    assert len(server.ranges) == 2


@pytest.mark.parametrize(
    ("status", "content_type", "reason", "requests"),
    [
        (404, "text/plain", "answered 404", 1),
        (200, "text/html; charset=utf-8", "a web page", 1),
        (503, "text/html", "answered 503", download.ATTEMPTS),
    ],
)
def test_responses_without_the_file(
    server: FileServer, cache: Path, status: int, content_type: str, reason: str, requests: int
) -> None:
    server.status, server.content_type = status, content_type
    with pytest.raises(WeightsUnavailable, match=rf"{reason}.*as identity_weights") as caught:
        download.fetch(server.file(), cache)
    assert server.url in caught.value.message
    assert str(cache) not in caught.value.message
    assert len(server.ranges) == requests
    assert names_in(cache) == set()


def test_no_connection(cache: Path) -> None:
    file = DownloadFile(url="http://127.0.0.1:9/face.pt", sha256=sha256(SMALL))
    with pytest.raises(
        WeightsUnavailable, match=r"face\.pt could not be downloaded.*identity_weights"
    ):
        download.fetch(file, cache)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/face.pt", "face.pt", "file:///face.pt"])
def test_a_card_accepts_http_urls_only(url: str) -> None:
    with pytest.raises(ValidationError, match="url"):
        DownloadFile(url=url, sha256=sha256(SMALL))


def test_a_silent_server_times_out(server: FileServer, cache: Path) -> None:
    server.pause_s = 3600
    with pytest.raises(WeightsUnavailable, match="timed out"):
        download.fetch(server.file(), cache, timeout_s=0.05)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(server: FileServer, cache: Path) -> None:
    cache.mkdir()
    (cache / f"{sha256(SMALL)[:8]}-face.pt.part").symlink_to("/dev/full")
    with pytest.raises(WeightsUnavailable, match="the disk is full") as caught:
        download.fetch(server.file(), cache)
    assert str(cache) not in caught.value.message
    assert names_in(cache) == set()


def test_a_cache_directory_that_cannot_be_created(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file")
    with pytest.raises(WeightsUnavailable, match="cache directory") as caught:
        download.fetch(server.file(), tmp_path / "occupied")
    assert str(tmp_path) not in caught.value.message
