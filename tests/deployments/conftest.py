"""Photos, an application over local stages, and one real service for all serve tests."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray
from PIL import Image

from deployments.http.app import Service, create_app
from faceage_core.pipeline import Pipeline
from faceage_core.pipeline.graph import Graph


class Client:
    """Requests to an application in this process."""

    def __init__(self, app: FastAPI) -> None:
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


@pytest.fixture(scope="session")
def client(service: Service) -> Client:
    return Client(create_app(service))


@pytest.fixture(scope="session")
def client_of() -> Callable[[Service], Client]:
    """A function that returns a client of the application over any service."""
    return lambda service: Client(create_app(service))


@pytest.fixture(scope="package")
def running_service(samples: dict[str, bytes]) -> Iterator[Running]:
    """The one real service, shared by all tests of this package."""
    from deployments.app import AppArgs
    from deployments.local import running

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with running(AppArgs(), port=port) as url:
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
