"""A download that works, also several at once."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1

from faceage_core.cards.schema import DownloadFile
from faceage_core.models import download as weights
from faceage_core.models.checkpoint import load_into, load_state_dict
from tests.core.models.download.site import CUT, SMALL, Site, kept, part_of, sha256


def test_published_facenet_weights_reach_the_network(
    site: Site, cache: Path, facenet_bytes: bytes
) -> None:
    site.body = facenet_bytes
    path = weights.fetch(site.file(), cache)
    network = InceptionResnetV1()
    load_into(network, load_state_dict(path), source=path.name, ignore=("logits.",))

    torch.manual_seed(0)
    served = InceptionResnetV1(classify=True, num_classes=8631).state_dict()
    loaded = network.state_dict()
    assert loaded.keys() == {name for name in served if not name.startswith("logits.")}
    assert all(torch.equal(loaded[name], served[name]) for name in loaded)


def test_fetched_once_and_then_read_from_the_cache(site: Site, cache: Path) -> None:
    path = weights.fetch(site.file(), cache)
    assert path.read_bytes() == SMALL
    assert weights.fetch(site.file(), cache) == path
    assert len(site.ranges) == 1
    assert kept(cache) == {path.name}


def test_cached_tells_whether_it_was_fetched(site: Site, cache: Path) -> None:
    assert weights.cached(site.file(), cache) is None
    assert weights.fetch(site.file(), cache) == weights.cached(site.file(), cache)


def test_a_cached_file_needs_no_lock_and_no_server(cache: Path) -> None:
    file = DownloadFile(url="http://127.0.0.1:9/face.pt", sha256=sha256(SMALL))
    part_of(file, cache, SMALL).rename(cache / f"{file.sha256[:8]}-face.pt")
    before = list(cache.iterdir())
    assert weights.fetch(file, cache).read_bytes() == SMALL
    assert list(cache.iterdir()) == before


def test_files_of_one_name_do_not_displace_each_other(site: Site, cache: Path) -> None:
    first = weights.fetch(site.file(), cache)
    site.body = SMALL[::-1]
    second = weights.fetch(site.file(), cache)
    assert (first.read_bytes(), second.read_bytes()) == (SMALL, SMALL[::-1])


def test_redirects_are_followed_also_when_resuming(site: Site, cache: Path) -> None:
    site.cut_after, site.cuts = CUT, 1
    moved = site.file(url=site.url.replace("/files/", "/moved/"))
    assert weights.fetch(moved, cache).read_bytes() == SMALL
    assert site.ranges == [None, f"bytes={CUT}-"]


@pytest.mark.parametrize(("sends_length", "size_bytes"), [(True, None), (False, len(SMALL))])
def test_progress_rises_to_the_whole(
    site: Site, cache: Path, sends_length: bool, size_bytes: int | None
) -> None:
    site.sends_length = sends_length
    seen: list[tuple[int, int | None]] = []
    weights.fetch(site.file(size_bytes=size_bytes), cache, progress=lambda *step: seen.append(step))
    assert seen[0] == (0, len(SMALL))
    assert seen[-1] == (len(SMALL), len(SMALL))
    assert len(seen) > 2
    assert seen == sorted(seen)


def test_unknown_size_is_reported_as_unknown(site: Site, cache: Path) -> None:
    site.sends_length = False
    seen: list[tuple[int, int | None]] = []
    weights.fetch(site.file(), cache, progress=lambda *step: seen.append(step))
    assert {total for _, total in seen} == {None}


def test_threads_share_one_download(site: Site, cache: Path) -> None:
    site.pause_s = 0.3
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: weights.fetch(site.file(), cache), range(4)))
    assert len(site.ranges) == 1
    assert {path.read_bytes() for path in paths} == {SMALL}


def test_processes_share_one_download(site: Site, cache: Path) -> None:
    # Each process says that it is ready and then waits, so that both fetch at the same time.
    script = (
        "import sys; from pathlib import Path; from faceage_core.models import download as weights;"
        "from faceage_core.cards.schema import DownloadFile;"
        f"file = DownloadFile(url={site.url!r}, sha256={sha256(SMALL)!r});"
        "print('ready', flush=True); sys.stdin.readline();"
        f"weights.fetch(file, Path({str(cache)!r}))"
    )
    site.pause_s = 0.5
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in both:
        process.communicate()
    assert [process.returncode for process in both] == [0, 0]
    assert len(site.ranges) == 1
