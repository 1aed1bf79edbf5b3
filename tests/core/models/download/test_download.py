"""Successful downloads, also in parallel."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1

from faceage_core.cards.weights import DownloadFile
from faceage_core.models import download
from faceage_core.models.checkpoint import load_into, load_state_dict
from tests.core.models.download.file_server import (
    CUT,
    SMALL,
    FileServer,
    names_in,
    sha256,
    write_part,
)


def test_published_facenet_weights_reach_the_network(
    server: FileServer, cache: Path, facenet_bytes: bytes
) -> None:
    server.body = facenet_bytes
    path = download.fetch(server.file(), cache)
    network = InceptionResnetV1()
    load_into(network, load_state_dict(path), source=path.name, ignore=("logits.",))

    torch.manual_seed(0)
    served = InceptionResnetV1(classify=True, num_classes=8631).state_dict()
    loaded = network.state_dict()
    assert loaded.keys() == {name for name in served if not name.startswith("logits.")}
    assert all(torch.equal(loaded[name], served[name]) for name in loaded)


def test_a_file_is_downloaded_once_and_then_read_from_the_cache(
    server: FileServer, cache: Path
) -> None:
    path = download.fetch(server.file(), cache)
    assert path.read_bytes() == SMALL
    assert download.fetch(server.file(), cache) == path
    assert len(server.ranges) == 1
    assert names_in(cache) == {path.name}


def test_cached_returns_the_path_of_a_downloaded_file(server: FileServer, cache: Path) -> None:
    assert download.cached(server.file(), cache) is None
    assert download.fetch(server.file(), cache) == download.cached(server.file(), cache)


def test_a_cached_file_needs_no_lock_and_no_server(cache: Path) -> None:
    file = DownloadFile(url="http://127.0.0.1:9/face.pt", sha256=sha256(SMALL))
    write_part(file, cache, SMALL).rename(cache / f"{file.sha256[:8]}-face.pt")
    before = list(cache.iterdir())
    assert download.fetch(file, cache).read_bytes() == SMALL
    assert list(cache.iterdir()) == before


def test_files_with_the_same_name_do_not_overwrite_each_other(
    server: FileServer, cache: Path
) -> None:
    first = download.fetch(server.file(), cache)
    server.body = SMALL[::-1]
    second = download.fetch(server.file(), cache)
    assert (first.read_bytes(), second.read_bytes()) == (SMALL, SMALL[::-1])


def test_redirects_are_followed_when_resuming_too(server: FileServer, cache: Path) -> None:
    server.cut_after, server.cuts = CUT, 1
    moved = server.file(url=server.url.replace("/files/", "/moved/"))
    assert download.fetch(moved, cache).read_bytes() == SMALL
    assert server.ranges == [None, f"bytes={CUT}-"]


@pytest.mark.parametrize(("sends_length", "size_bytes"), [(True, None), (False, len(SMALL))])
def test_progress_reaches_the_total(
    server: FileServer, cache: Path, sends_length: bool, size_bytes: int | None
) -> None:
    server.sends_length = sends_length
    seen: list[tuple[int, int | None]] = []
    download.fetch(
        server.file(size_bytes=size_bytes), cache, progress=lambda *step: seen.append(step)
    )
    assert seen[0] == (0, len(SMALL))
    assert seen[-1] == (len(SMALL), len(SMALL))
    assert len(seen) > 2
    assert seen == sorted(seen)


def test_unknown_size_is_reported_as_unknown(server: FileServer, cache: Path) -> None:
    server.sends_length = False
    seen: list[tuple[int, int | None]] = []
    download.fetch(server.file(), cache, progress=lambda *step: seen.append(step))
    assert {total for _, total in seen} == {None}


def test_threads_share_one_download(server: FileServer, cache: Path) -> None:
    server.pause_s = 0.3
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: download.fetch(server.file(), cache), range(4)))
    assert len(server.ranges) == 1
    assert {path.read_bytes() for path in paths} == {SMALL}


def test_processes_share_one_download(server: FileServer, cache: Path) -> None:
    # Each process prints "ready" and waits, so that both download at the same time.
    script = (
        "import sys; from pathlib import Path; from faceage_core.models import download;"
        "from faceage_core.cards.weights import DownloadFile;"
        f"file = DownloadFile(url={server.url!r}, sha256={sha256(SMALL)!r});"
        "print('ready', flush=True); sys.stdin.readline();"
        f"download.fetch(file, Path({str(cache)!r}))"
    )
    server.pause_s = 0.5
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
    assert len(server.ranges) == 1
