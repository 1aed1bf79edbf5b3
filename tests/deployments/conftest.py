"""Photos, an application over local stages, and one real service for all serve tests."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray
from PIL import Image
from starlette.types import ASGIApp

from deployments.http.app import Service, create_app
from deployments.in_process import protected_app
from deployments.service import GraphService
from deployments.thread_stages import ThreadStages
from faceage_core.pipeline import Pipeline
from faceage_core.pipeline.graph import Graph
from faceage_core.pipeline.local import LocalStages
from faceage_core.ports import free_port


class Client:
    """Requests to an application in this process."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def request(self, method: str, url: str, **request: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, url, **request)

        return asyncio.run(send())

    def get(self, url: str, **request: Any) -> httpx.Response:
        return self.request("GET", url, **request)

    def post(self, url: str, **request: Any) -> httpx.Response:
        return self.request("POST", url, **request)


@dataclass(frozen=True)
class Running:
    """A service, and the CPU time of its replicas for each of its first requests."""

    url: str
    requests_cpu_s: list[float]


@pytest.fixture(scope="session")
def plain() -> bytes:
    """A photo without a face."""
    return encoded(np.full((200, 300, 3), 90, dtype=np.uint8))


@pytest.fixture(scope="session")
def service(pipeline: Pipeline) -> Graph:
    """The graph over the stages of the library's pipeline."""
    return pipeline._graph


@pytest.fixture(scope="session", params=["application", "in process"])
def client(request: pytest.FixtureRequest, service: Graph) -> Client:
    """Requests to the bare application, and to all that `faceage serve --in-process` runs."""
    if request.param == "application":
        return Client(create_app(service))
    assert isinstance(service._stages, LocalStages)
    # More threads than one request uses: each request of `Client` has its own event loop.
    graph = Graph(ThreadStages(service._stages._loaded, threads=4), service.bundle)
    return Client(protected_app(GraphService(graph, timeout_s=600)))


@pytest.fixture(scope="session")
def client_of() -> Callable[[Service], Client]:
    """A function that returns a client of the application over any service."""
    return lambda service: Client(create_app(service))


@pytest.fixture(scope="package")
def running_service(samples: dict[str, bytes]) -> Iterator[Running]:
    """The one real service, shared by all tests of this package."""
    from deployments.app import AppArgs
    from deployments.local import running

    with running(AppArgs(), port=free_port()) as url:
        yield Running(url, [_cpu_s_of_a_request(url, samples) for _ in range(11)])


def _cpu_s_of_a_request(url: str, samples: dict[str, bytes]) -> float:
    files = {"image_1": samples["obama_2009.jpg"], "image_2": samples["hopper_1984.jpg"]}
    before_s = _replicas_cpu_s()
    httpx.post(f"{url}/v1/compare", files=files, timeout=60, trust_env=False).raise_for_status()
    return _replicas_cpu_s() - before_s


def _replicas_cpu_s() -> float:
    times = [
        process.cpu_times()
        for process in psutil.Process().children(recursive=True)
        if "ServeReplica" in " ".join(process.cmdline())
    ]
    assert len(times) >= 4
    return sum(each.user + each.system for each in times)


def encoded(pixels: NDArray[np.uint8], kind: str = "PNG") -> bytes:
    """[H, W, 3] uint8 RGB as a file."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def error_code(response: httpx.Response) -> str:
    """Check the structure of an error response, and return its status and code."""
    answer = response.json()
    assert set(answer) - {"field"} == {"code", "message", "request_id"}
    assert response.headers.get_list("x-request-id") == [answer["request_id"]]
    assert "secret" not in response.text
    return f"{response.status_code} {answer['code']}"


def wait_until(reached: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 600
    while not reached():
        assert time.monotonic() < deadline_s, "not reached"
        time.sleep(0.05)
