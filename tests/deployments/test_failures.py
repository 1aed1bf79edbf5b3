"""Failures of stages and replicas in a real service: the error responses, and the recovery.

The application is the real ingress over one fake stage; the photo's bytes select how it fails. It
runs beside the service that all serve tests share.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path

import httpx
import pytest

from .conftest import Running, error_code, wait_until

pytestmark = [
    pytest.mark.serve,
    # Ray's own modules, as they are imported
    pytest.mark.filterwarnings(
        "ignore:Using extra keyword arguments on `Field`:DeprecationWarning"
    ),
]

TIMEOUT_S = 20.0
ONCE = b"die once, "
HELD = b"hold until the file exists: "


def received_before(photo: bytes) -> bool:
    """Whether a replica has received this photo before; the file that it names records this."""
    mark = Path(photo.removeprefix(ONCE).decode())
    received = mark.exists()
    mark.touch()
    return received


def hold(photo: bytes) -> None:
    """Record that the photo has arrived, and wait until the file exists that it names."""
    released = Path(photo.removeprefix(HELD).decode())
    released.with_suffix(".reached").touch()
    while not released.exists():
        time.sleep(0.02)


@pytest.fixture(scope="module")
def url(running_service: Running) -> Iterator[str]:
    from ray import serve

    from deployments.app import AppArgs, Ingress
    from faceage_core.pipeline.stages import STAGES

    @serve.deployment(
        num_replicas=2,
        ray_actor_options={"num_cpus": 0},
        max_ongoing_requests=1,
        max_queued_requests=1,
    )
    class Stage:
        async def run(self, photo: bytes) -> Exception:
            from faceage_core.errors import UnreadableImage

            if photo == b"raise":
                raise ValueError("/srv/secret")
            if photo == b"die" or (photo.startswith(ONCE) and not received_before(photo)):
                os._exit(1)
            if photo == b"stuck":
                await asyncio.Event().wait()
            if photo.startswith(HELD):
                await asyncio.to_thread(hold, photo)
            return UnreadableImage("reached")

        async def ready(self) -> bool:
            return True

    ingress = Ingress.options(ray_actor_options={"num_cpus": 0})  # type: ignore[attr-defined]
    stages = [Stage.bind()] * len(STAGES)  # type: ignore[attr-defined]
    application = ingress.bind(AppArgs(timeout_s=TIMEOUT_S), list(STAGES), *stages)
    serve.run(application, name="failing", route_prefix="/failing")
    yield f"{running_service.url}/failing"
    serve.delete("failing")


def post_photo(url: str, photo: bytes) -> httpx.Response:
    return httpx.post(f"{url}/v1/faces", files={"image": photo}, timeout=60, trust_env=False)


def wait_until_recovered(url: str) -> None:
    wait_until(lambda: error_code(post_photo(url, b"any")) == "422 unreadable_image")


def test_an_unexpected_error_of_a_stage_is_not_disclosed(url: str) -> None:
    assert error_code(post_photo(url, b"raise")) == "500 internal_error"
    assert error_code(post_photo(url, b"any")) == "422 unreadable_image"


def test_requests_above_the_limit_of_a_stage_are_rejected_immediately(
    url: str, tmp_path: Path
) -> None:
    released = tmp_path / "released"
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(post_photo, url, HELD + bytes(released)) for _ in range(8)]
        for rejected in islice(as_completed(waiting), 4):
            assert error_code(rejected.result()) == "503 overloaded"
        released.touch()
        responses = [each.result() for each in waiting]

    codes = Counter(error_code(response) for response in responses)
    assert set(codes) == {"422 unreadable_image", "503 overloaded"}
    assert codes["503 overloaded"] >= 4
    overloaded = [response for response in responses if response.status_code == 503]
    assert {response.headers["retry-after"] for response in overloaded} == {"1"}


def test_a_request_that_takes_too_long_times_out(url: str) -> None:
    assert error_code(post_photo(url, b"stuck")) == "504 timeout"
    assert error_code(post_photo(url, b"any")) == "422 unreadable_image"


def test_a_crashed_stage_is_reported_and_restarted(url: str) -> None:
    response = post_photo(url, b"die")

    assert error_code(response) == "503 unavailable"
    assert response.headers["retry-after"] == "5"
    wait_until_recovered(url)


def test_another_replica_answers_if_one_is_lost(url: str, tmp_path: Path) -> None:
    photo = ONCE + bytes(tmp_path / "mark")

    assert error_code(post_photo(url, photo)) == "422 unreadable_image"
    assert (tmp_path / "mark").exists()


def test_a_crashed_ingress_is_reported_and_restarted(url: str, tmp_path: Path) -> None:
    import ray

    (name,) = (
        actor["name"]
        for actor in ray.util.list_named_actors(all_namespaces=True)
        if actor["name"].startswith("SERVE_REPLICA::failing#Ingress")
    )
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(post_photo, url, HELD + bytes(tmp_path / "released"))
        wait_until((tmp_path / "released.reached").exists)
        ray.kill(ray.get_actor(name, namespace="serve"), no_restart=True)
        response = waiting.result()
    (tmp_path / "released").touch()

    assert error_code(response) == "503 unavailable"
    wait_until_recovered(url)
