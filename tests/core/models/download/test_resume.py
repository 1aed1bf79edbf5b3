"""Interrupted downloads are resumed."""

from pathlib import Path

import pytest

from faceage_core.errors import WeightsUnavailable
from faceage_core.models import download
from tests.core.models.download.file_server import CUT, SMALL, FileServer, names_in, write_part


def test_a_cut_connection_is_resumed_within_the_call(server: FileServer, cache: Path) -> None:
    server.cut_after, server.cuts = CUT, 1
    seen: list[int] = []
    path = download.fetch(server.file(), cache, progress=lambda done, _: seen.append(done))
    assert path.read_bytes() == SMALL
    assert server.ranges == [None, f"bytes={CUT}-"]
    assert seen == sorted(seen)


def test_a_cut_download_is_resumed_by_the_next_call(server: FileServer, cache: Path) -> None:
    server.cut_after, server.cuts = 1000, download.ATTEMPTS
    with pytest.raises(
        WeightsUnavailable, match=r"face\.pt could not be downloaded.*identity_weights"
    ):
        download.fetch(server.file(), cache)
    (name,) = names_in(cache)
    assert name.endswith("-face.pt.part")
    have = 1000 * download.ATTEMPTS
    assert (cache / name).stat().st_size == have

    assert download.fetch(server.file(), cache).read_bytes() == SMALL
    assert server.ranges[-1] == f"bytes={have}-"
    assert len(server.ranges) == download.ATTEMPTS + 1


def test_a_cut_is_detected_without_a_content_length(server: FileServer, cache: Path) -> None:
    server.sends_length, server.cut_after, server.cuts = False, CUT, 1
    path = download.fetch(server.file(size_bytes=len(SMALL)), cache)
    assert path.read_bytes() == SMALL
    assert server.ranges == [None, f"bytes={CUT}-"]


def test_a_cancelled_download_is_resumed_by_the_next_call(server: FileServer, cache: Path) -> None:
    def cancel(done: int, total: int | None) -> None:
        if done >= CUT:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download.fetch(server.file(), cache, progress=cancel)
    (part,) = cache.glob("*.part")
    have = part.stat().st_size
    assert CUT <= have < len(SMALL)
    assert download.fetch(server.file(), cache).read_bytes() == SMALL
    assert server.ranges == [None, f"bytes={have}-"]


def test_a_download_restarts_if_the_server_ignores_ranges(server: FileServer, cache: Path) -> None:
    server.honours_range = False
    write_part(server.file(), cache, SMALL[:CUT])
    assert download.fetch(server.file(), cache).read_bytes() == SMALL
    assert server.ranges == [f"bytes={CUT}-"]


def test_progress_never_decreases_when_a_download_restarts(server: FileServer, cache: Path) -> None:
    server.honours_range, server.cut_after, server.cuts = False, CUT, 1
    seen: list[int] = []
    download.fetch(server.file(), cache, progress=lambda done, _: seen.append(done))
    assert seen == sorted(seen)
    assert seen[-1] == len(SMALL)


@pytest.mark.parametrize("place", ["bytes 7-262143/262144", "bytes 100000-262143/*", "nonsense"])
def test_a_download_restarts_after_a_wrong_content_range(
    server: FileServer, cache: Path, place: str
) -> None:
    server.wrong_content_range = place
    write_part(server.file(), cache, SMALL[:CUT])
    assert download.fetch(server.file(), cache).read_bytes() == SMALL
    assert server.ranges == [f"bytes={CUT}-", None]


@pytest.mark.parametrize("surplus", [b"", b"more"])
def test_a_download_restarts_if_the_part_is_too_long(
    server: FileServer, cache: Path, surplus: bytes
) -> None:
    write_part(server.file(), cache, SMALL + surplus)
    assert download.fetch(server.file(), cache).read_bytes() == SMALL
    assert server.ranges == [f"bytes={len(SMALL + surplus)}-", None]


def test_a_part_of_another_file_is_discarded(server: FileServer, cache: Path) -> None:
    write_part(server.file(), cache, b"x" * CUT)
    assert download.fetch(server.file(), cache).read_bytes() == SMALL
    assert server.ranges == [f"bytes={CUT}-", None]
