"""What is refused, and what that leaves."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from faceage_core.cards.schema import DownloadFile
from faceage_core.errors import WeightsMismatch, WeightsUnavailable
from faceage_core.models import download as weights
from tests.core.models.download.site import SMALL, Site, kept, sha256


def test_another_file_than_the_card_names_is_refused(site: Site, cache: Path) -> None:
    expected = sha256(b"another")
    with pytest.raises(WeightsMismatch) as caught:
        weights.fetch(site.file(sha256=expected), cache)
    assert expected in caught.value.message
    assert sha256(SMALL) in caught.value.message
    assert kept(cache) == set()


def test_a_damaged_cached_file_is_fetched_anew(site: Site, cache: Path) -> None:
    path = weights.fetch(site.file(), cache)
    path.write_bytes(SMALL[:-1] + b"\0")
    assert weights.fetch(site.file(), cache).read_bytes() == SMALL
    assert len(site.ranges) == 2


@pytest.mark.parametrize(
    ("status", "content_type", "reason", "requests"),
    [
        (404, "text/plain", "answered 404", 1),
        (200, "text/html; charset=utf-8", "a web page", 1),
        (503, "text/html", "answered 503", weights.ATTEMPTS),
    ],
)
def test_an_answer_that_is_no_file(
    site: Site, cache: Path, status: int, content_type: str, reason: str, requests: int
) -> None:
    site.status, site.content_type = status, content_type
    with pytest.raises(WeightsUnavailable, match=rf"{reason}.*--weights FILE") as caught:
        weights.fetch(site.file(), cache)
    assert site.url in caught.value.message
    assert str(cache) not in caught.value.message
    assert len(site.ranges) == requests
    assert kept(cache) == set()


def test_no_connection(cache: Path) -> None:
    file = DownloadFile(url="http://127.0.0.1:9/face.pt", sha256=sha256(SMALL))
    with pytest.raises(WeightsUnavailable, match=r"face\.pt could not be fetched.*--weights FILE"):
        weights.fetch(file, cache)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/face.pt", "face.pt", "file:///face.pt"])
def test_an_address_that_is_not_of_the_web_is_no_entry_of_a_card(url: str) -> None:
    with pytest.raises(ValidationError, match="url"):
        DownloadFile(url=url, sha256=sha256(SMALL))


def test_a_silent_server_is_given_up_on(site: Site, cache: Path) -> None:
    site.pause_s = 3600
    with pytest.raises(WeightsUnavailable, match="timed out"):
        weights.fetch(site.file(), cache, timeout_s=0.05)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(site: Site, cache: Path) -> None:
    cache.mkdir()
    (cache / f"{sha256(SMALL)[:8]}-face.pt.part").symlink_to("/dev/full")
    with pytest.raises(WeightsUnavailable, match="the disk is full") as caught:
        weights.fetch(site.file(), cache)
    assert str(cache) not in caught.value.message
    assert kept(cache) == set()


def test_a_cache_that_cannot_be_made(site: Site, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("a file")
    with pytest.raises(WeightsUnavailable, match="cache directory") as caught:
        weights.fetch(site.file(), tmp_path / "occupied")
    assert str(tmp_path) not in caught.value.message
