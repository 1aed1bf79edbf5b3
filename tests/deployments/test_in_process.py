"""The service in one process: over real HTTP, from its start to its stop, without Ray."""

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import httpx
import pytest

from deployments import in_process
from deployments.http.admission import AdmissionMiddleware
from deployments.in_process import GRACE_S, KEEP_ALIVE_TIMEOUT_S, running, serving
from deployments.limits import MAX_REQUEST_BYTES
from deployments.service import GraphService, ServiceOptions
from faceage_core.errors import InvalidArgument, NoFace
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import Pipeline
from faceage_core.pipeline.graph import CompareRequest, FacesRequest
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer
from faceage_core.ports import free_port

from .conftest import error_code, wait_until

WAIT_S = 600.0  # only a failing test waits for it
NAMES = ("obama_2009.jpg", "obama_2012.jpg")

# `faceage serve`; at its end it prints which of these packages were imported.
SERVE = """
import sys
from faceage_core.cli.main import main
{before}
sys.argv = ["faceage", "serve", "--in-process", "--port", "{port}"]
try:
    main()
finally:
    print("imported:", *sorted({{"ray"}} & sys.modules.keys()))
"""
# A service without models, whose answers wait: the tests of the signals start in a second.
WAITING = """
import asyncio
from pathlib import Path
from deployments import in_process
from faceage_core.errors import NoFace
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions

class Waiting:
    bundle = resolve(ModelOptions())

    async def faces(self, request, request_id):
        released = Path(request.image.data.decode())
        released.with_suffix(".reached").touch()
        while not released.exists():
            await asyncio.sleep(0.01)
        raise NoFace("reached")

in_process.load = lambda options: Waiting()
"""


@dataclass(frozen=True)
class Server:
    """A running `faceage serve --in-process`."""

    process: "subprocess.Popen[str]"
    url: str


def start(before: str = "", *, background: bool = False) -> Server:
    """Start a server in another process, and wait for the line that says that it serves.

    Args:
        before: code that runs before the command.
        background: ignore SIGINT, as in a process that a shell starts in the background.
    """
    port = free_port()
    script = SERVE.format(before=before, port=port)
    if background:
        script = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{script}"
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    line = process.stdout.readline()
    url = f"http://127.0.0.1:{port}"
    assert line.startswith(f"serving on {url}, "), line + process.communicate()[1]
    return Server(process, url)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """The real service; the last test of this module stops it."""
    server = start()
    with server.process as process:
        yield server
        process.kill()


@pytest.fixture
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=WAIT_S, trust_env=False) as client:
        yield client


def post_photo(url: str, photo: bytes) -> httpx.Response:
    return httpx.post(f"{url}/v1/faces", files={"image": photo}, timeout=WAIT_S, trust_env=False)


def test_the_answers_equal_those_of_the_library(
    http: httpx.Client, pipeline: Pipeline, samples: dict[str, bytes]
) -> None:
    assert http.get("/readyz").json() == {"status": "ready"}
    photos = [samples[name] for name in NAMES]
    files = {f"image_{place}": (NAMES[place - 1], photos[place - 1]) for place in (1, 2)}
    own_id = {"X-Request-ID": "mine"}

    compared = http.post("/v1/compare", files=files, headers=own_id)
    found = http.post("/v1/faces", files={"image": (NAMES[0], photos[0])}, headers=own_id)

    expected = pipeline.compare(*photos, names=NAMES).model_copy(update={"request_id": "mine"})
    assert CompareAnswer.model_validate_json(compared.content) == expected
    alone = pipeline.faces(photos[0], name=NAMES[0]).model_copy(update={"request_id": "mine"})
    assert FacesAnswer.model_validate_json(found.content) == alone
    assert compared.headers.get_list("x-request-id") == ["mine"]


def test_refusals_are_those_of_the_service_on_ray(http: httpx.Client, plain: bytes) -> None:
    form = {"image": plain}
    pair = {"image_1": plain, "image_2": plain}
    limit = {"x-request-timeout-seconds": "0.000001"}
    for response, expected in (
        (http.post("/v1/compare", files=pair), "422 no_face"),
        (http.post("/v1/compare", files={"image_1": plain}), "422 invalid_argument"),
        (http.post("/v1/faces", files={"image": b"%PDF-1.7"}), "415 unsupported_format"),
        (http.post("/v1/faces", content=bytes(MAX_REQUEST_BYTES + 1)), "413 request_too_large"),
        (http.post("/v1/faces", files=form, headers=limit), "504 timeout"),
        (http.get("/v1/faces"), "405 method_not_allowed"),
        (http.get("/nowhere"), "404 not_found"),
        (http.get("/nowhere", headers=[(b"x-request-id", b"\xff")]), "404 not_found"),
    ):
        assert error_code(response) == expected


def test_a_body_in_chunks_is_rejected_above_the_limit(http: httpx.Client) -> None:
    body = (bytes(1024 * 1024) for _ in range(60))
    response = http.post("/v1/compare", content=body, headers={"content-type": "application/json"})
    assert error_code(response) == "413 request_too_large"
    assert http.get("/healthz").json() == {"status": "ok"}


def test_sigterm_stops_it_and_ray_was_not_imported(server: Server) -> None:
    server.process.terminate()
    output, errors = server.process.communicate(timeout=WAIT_S)
    assert (server.process.returncode, errors) == (0, "")
    assert output.splitlines() == ["stopping", "imported:"]


@pytest.mark.parametrize(("number", "background"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_requests_in_progress_are_completed_before_it_ends(
    number: signal.Signals, background: bool, tmp_path: Path
) -> None:
    released = tmp_path / "released"
    server = start(WAITING, background=background)
    with server.process as process, ThreadPoolExecutor(1) as pool:
        try:
            waiting = pool.submit(post_photo, server.url, bytes(released))
            wait_until(released.with_suffix(".reached").exists)
            process.send_signal(number)
            assert process.stdout
            assert process.stdout.readline() == "stopping\n"
            released.touch()
            assert error_code(waiting.result()) == "422 no_face"
            output, errors = process.communicate(timeout=WAIT_S)
            assert (process.returncode, output, errors) == (0, "imported:\n", "")
        finally:
            process.kill()


class WaitingService:
    """Answers once it is released."""

    bundle = resolve(ModelOptions())

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.released = threading.Event()

    async def compare(self, request: CompareRequest, request_id: str) -> CompareAnswer:
        raise AssertionError

    async def faces(self, request: FacesRequest, request_id: str) -> FacesAnswer:
        self.reached.set()
        await asyncio.to_thread(self.released.wait, WAIT_S)
        raise NoFace("reached")

    async def ready(self) -> bool:
        return True


def test_requests_above_the_limits_are_rejected_immediately(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limited = partial(AdmissionMiddleware, max_ongoing=1, max_queued=1)
    monkeypatch.setattr(in_process, "AdmissionMiddleware", limited)
    service = WaitingService()
    with (
        serving(service, host="127.0.0.1", port=0) as url,
        ThreadPoolExecutor(4) as pool,
    ):
        responses = [pool.submit(post_photo, url, b"x") for _ in range(4)]
        for rejected in islice(as_completed(responses), 2):
            assert error_code(rejected.result()) == "503 overloaded"
            assert rejected.result().headers["retry-after"] == "1"
        assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
        service.released.set()
        codes = sorted(error_code(response.result()) for response in responses)
    assert codes == ["422 no_face"] * 2 + ["503 overloaded"] * 2


def test_an_answer_after_the_time_limit_is_an_error(pipeline: Pipeline, plain: bytes) -> None:
    service = GraphService(pipeline._graph, timeout_s=1e-6)
    with serving(service, host="127.0.0.1", port=0) as url:
        assert error_code(post_photo(url, plain)) == "504 timeout"


def test_a_request_that_exceeds_the_grace_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_process, "GRACE_S", 0)
    service = WaitingService()
    with ThreadPoolExecutor(1) as pool:
        with serving(service, host="127.0.0.1", port=0) as url:
            waiting = pool.submit(post_photo, url, b"x")
            assert service.reached.wait(WAIT_S)
            # The call to a thread cannot be cancelled: it has to end before the event loop does.
            waiting.add_done_callback(lambda _: service.released.set())
        assert error_code(waiting.result()) == "503 unavailable"


def test_a_model_that_cannot_be_loaded_is_reported() -> None:
    port = free_port()
    with (
        pytest.raises(InvalidArgument, match="device 'gpu7' is unavailable"),
        running(ServiceOptions(device="gpu7"), port=port),
    ):
        raise AssertionError
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False)


def test_idle_connections_and_stops_have_the_times_of_serve() -> None:
    from ray.serve._private.constants import DEFAULT_GRACEFUL_SHUTDOWN_TIMEOUT_S
    from ray.serve.config import HTTPOptions

    assert HTTPOptions().keep_alive_timeout_s == KEEP_ALIVE_TIMEOUT_S
    assert DEFAULT_GRACEFUL_SHUTDOWN_TIMEOUT_S == GRACE_S
