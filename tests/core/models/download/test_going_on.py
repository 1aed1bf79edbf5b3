"""A download that was cut off goes on from its part."""

from pathlib import Path

import pytest

from faceage_core.errors import WeightsUnavailable
from faceage_core.models import download as weights
from tests.core.models.download.site import CUT, SMALL, Site, kept, part_of


def test_a_cut_connection_is_resumed_within_the_call(site: Site, cache: Path) -> None:
    site.cut_after, site.cuts = CUT, 1
    seen: list[int] = []
    path = weights.fetch(site.file(), cache, progress=lambda done, _: seen.append(done))
    assert path.read_bytes() == SMALL
    assert site.ranges == [None, f"bytes={CUT}-"]
    assert seen == sorted(seen)


def test_a_cut_download_is_resumed_by_the_next_call(site: Site, cache: Path) -> None:
    site.cut_after, site.cuts = 1000, weights.ATTEMPTS
    with pytest.raises(WeightsUnavailable, match=r"face\.pt could not be fetched.*--weights FILE"):
        weights.fetch(site.file(), cache)
    (name,) = kept(cache)
    assert name.endswith("-face.pt.part")
    have = 1000 * weights.ATTEMPTS
    assert (cache / name).stat().st_size == have

    assert weights.fetch(site.file(), cache).read_bytes() == SMALL
    assert site.ranges[-1] == f"bytes={have}-"
    assert len(site.ranges) == weights.ATTEMPTS + 1


def test_a_cut_is_noticed_without_a_content_length(site: Site, cache: Path) -> None:
    site.sends_length, site.cut_after, site.cuts = False, CUT, 1
    path = weights.fetch(site.file(size_bytes=len(SMALL)), cache)
    assert path.read_bytes() == SMALL
    assert site.ranges == [None, f"bytes={CUT}-"]


def test_a_cancelled_download_is_resumed_by_the_next_call(site: Site, cache: Path) -> None:
    def cancel(done: int, total: int | None) -> None:
        if done >= CUT:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.fetch(site.file(), cache, progress=cancel)
    (part,) = cache.glob("*.part")
    have = part.stat().st_size
    assert CUT <= have < len(SMALL)
    assert weights.fetch(site.file(), cache).read_bytes() == SMALL
    assert site.ranges == [None, f"bytes={have}-"]


def test_starts_over_where_ranges_are_ignored(site: Site, cache: Path) -> None:
    site.honours_range = False
    part_of(site.file(), cache, SMALL[:CUT])
    assert weights.fetch(site.file(), cache).read_bytes() == SMALL
    assert site.ranges == [f"bytes={CUT}-"]


def test_progress_never_falls_when_a_download_starts_over(site: Site, cache: Path) -> None:
    site.honours_range, site.cut_after, site.cuts = False, CUT, 1
    seen: list[int] = []
    weights.fetch(site.file(), cache, progress=lambda done, _: seen.append(done))
    assert seen == sorted(seen)
    assert seen[-1] == len(SMALL)


@pytest.mark.parametrize("place", ["bytes 7-262143/262144", "bytes 100000-262143/*", "nonsense"])
def test_starts_over_at_a_wrong_content_range(site: Site, cache: Path, place: str) -> None:
    site.wrong_content_range = place
    part_of(site.file(), cache, SMALL[:CUT])
    assert weights.fetch(site.file(), cache).read_bytes() == SMALL
    assert site.ranges == [f"bytes={CUT}-", None]


@pytest.mark.parametrize("surplus", [b"", b"more"])
def test_starts_over_where_nothing_is_left_to_send(site: Site, cache: Path, surplus: bytes) -> None:
    part_of(site.file(), cache, SMALL + surplus)
    assert weights.fetch(site.file(), cache).read_bytes() == SMALL
    assert site.ranges == [f"bytes={len(SMALL + surplus)}-", None]


def test_a_part_of_another_file_is_not_built_on(site: Site, cache: Path) -> None:
    part_of(site.file(), cache, b"x" * CUT)
    assert weights.fetch(site.file(), cache).read_bytes() == SMALL
    assert site.ranges == [f"bytes={CUT}-", None]
