"""Finding, fetching and verifying weights; downloads go to a real HTTP server on this machine."""

import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1
from pydantic import ValidationError

from faceage_core import weights
from faceage_core.card import DownloadFile, PackageFile
from faceage_core.checkpoint import load_into, load_state_dict
from faceage_core.errors import WeightsMismatch, WeightsUnavailable

SMALL = bytes(range(256)) * 1024  # 256 KiB
CUT = 100_000


@dataclass
class Site:
    """One file on a server, how the server misbehaves, and what it was asked for."""

    url: str = ""
    body: bytes = SMALL
    status: int = 200
    content_type: str = "application/octet-stream"
    sends_length: bool = True
    honours_range: bool = True
    wrong_content_range: str | None = None
    cut_after: int | None = None
    cuts: int = 0
    pause_s: float = 0
    ranges: list[str | None] = field(default_factory=list)

    def file(self, **changes: object) -> DownloadFile:
        fields = {"url": self.url, "sha256": sha256(self.body), **changes}
        return DownloadFile.model_validate(fields)


def _answer(handler: BaseHTTPRequestHandler, site: Site) -> None:
    if handler.path.startswith("/moved/"):
        handler.send_response(302)
        handler.send_header("Location", site.url)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    asked = handler.headers.get("Range")
    site.ranges.append(asked)
    time.sleep(site.pause_s)
    start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and site.honours_range else 0
    body = site.body[start:]
    if start >= len(site.body) > 0:
        handler.send_response(416)
        handler.send_header("Content-Range", f"bytes */{len(site.body)}")
        body = b""
    elif start:
        handler.send_response(206)
        place = f"bytes {start}-{len(site.body) - 1}/{len(site.body)}"
        handler.send_header("Content-Range", site.wrong_content_range or place)
    else:
        handler.send_response(site.status)
    handler.send_header("Content-Type", site.content_type)
    if site.sends_length:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if site.cut_after is not None and site.cuts > 0:
        site.cuts -= 1
        body = body[: site.cut_after]
    handler.wfile.write(body)


@pytest.fixture
def site() -> Iterator[Site]:
    served = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            _answer(self, served)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}/files/face.pt"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture(autouse=True)
def _quick_and_direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "RETRY_PAUSE_S", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def kept(cache: Path) -> set[str]:
    """The names in the cache but for the lock's, which stays."""
    return {path.name for path in cache.iterdir() if path.suffix != ".lock"}


def part_of(file: DownloadFile, cache: Path, content: bytes) -> Path:
    """Leave a partial download, as an interrupted call does."""
    cache.mkdir(exist_ok=True)
    part = cache / f"{file.sha256[:8]}-face.pt.part"
    part.write_bytes(content)
    return part


# --- a download that works ---


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


# --- going on from a part ---


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


# --- what is refused ---


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
    site.pause_s = 1
    begun = time.monotonic()
    with pytest.raises(WeightsUnavailable, match="timed out"):
        weights.fetch(site.file(), cache, timeout_s=0.05)
    assert time.monotonic() - begun < 1


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


# --- several at once ---


def test_threads_share_one_download(site: Site, cache: Path) -> None:
    site.pause_s = 0.3
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: weights.fetch(site.file(), cache), range(4)))
    assert len(site.ranges) == 1
    assert {path.read_bytes() for path in paths} == {SMALL}


def test_processes_share_one_download(site: Site, cache: Path) -> None:
    # Each process says that it is ready and then waits, so that both fetch at the same time.
    script = (
        "import sys; from pathlib import Path; from faceage_core import weights;"
        "from faceage_core.card import DownloadFile;"
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
        process.communicate(timeout=30)
    assert [process.returncode for process in both] == [0, 0]
    assert len(site.ranges) == 1


# --- files that are here already ---


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
        found = weights.locate(PackageFile(package=name, path=path, sha256=sha256(b"net")))
        assert found.read_bytes() == b"net"


def test_locate_finds_the_bundled_identity_network() -> None:
    path = "models/dlib_face_recognition_resnet_model_v1.dat"
    file = PackageFile(package="face_recognition_models", path=path, sha256="0" * 64)
    assert weights.locate(file).is_file()


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("no_such_package", "no_such_package, which brings net.onnx, is not installed"),
        ("facenet_pytorch", "facenet_pytorch does not hold net.onnx"),
    ],
)
def test_locate_says_what_is_missing(package: str, message: str) -> None:
    with pytest.raises(WeightsUnavailable, match=re.escape(message)):
        weights.locate(PackageFile(package=package, path="net.onnx", sha256="0" * 64))


def test_verify(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    path.write_bytes(SMALL)
    weights.verify(path, sha256(SMALL))
    with pytest.raises(WeightsMismatch, match=rf"^net\.pt has sha256 {sha256(SMALL)}"):
        weights.verify(path, sha256(b"another"))
    with pytest.raises(WeightsUnavailable, match=r"^none\.pt cannot be read"):
        weights.verify(tmp_path / "none.pt", sha256(SMALL))


@pytest.mark.skipif(sys.platform != "linux", reason="the variable is that of Linux")
def test_cache_dir_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert weights.cache_dir() == tmp_path / "faceage"
