"""Stages and replicas that fail under a real service: what callers are told, and recovery.

The application is the real ingress over one stage that misbehaves as the photo's bytes say. It runs
beside the service that all serve tests share.
"""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path

import httpx
import pytest

from .conftest import Running

pytestmark = [
    pytest.mark.serve,
    # Ray's own modules, as they are imported
    pytest.mark.filterwarnings(
        "ignore:Using extra keyword arguments on `Field`:DeprecationWarning"
    ),
]

TIMEOUT_S = 20.0
ONCE = b"die once, "
HELD = b"held until there is the file "


def seen(photo: bytes) -> bool:
    """Whether any replica has had this photo, which names a file to remember it by."""
    mark = Path(photo.removeprefix(ONCE).decode())
    known = mark.exists()
    mark.touch()
    return known


def hold(photo: bytes) -> None:
    """Leave a mark that the photo has arrived, and wait for the file that it names."""
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
            if photo == b"die" or (photo.startswith(ONCE) and not seen(photo)):
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


def sent(url: str, photo: bytes) -> httpx.Response:
    return httpx.post(f"{url}/v1/faces", files={"image": photo}, timeout=60, trust_env=False)


def code(response: httpx.Response) -> str:
    """A refusal's code, after a look at its form."""
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


def wait_until_reached(url: str) -> None:
    wait_until(lambda: code(sent(url, b"any")) == "422 unreadable_image")


def test_an_unexpected_error_of_a_stage_is_not_told(url: str) -> None:
    assert code(sent(url, b"raise")) == "500 internal_error"
    assert code(sent(url, b"any")) == "422 unreadable_image"


def test_more_requests_than_a_stage_can_take_are_refused_at_once(url: str, tmp_path: Path) -> None:
    released = tmp_path / "released"
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(sent, url, HELD + bytes(released)) for _ in range(8)]
        for refused_at_once in islice(as_completed(waiting), 4):
            assert code(refused_at_once.result()) == "503 overloaded"
        released.touch()
        responses = [each.result() for each in waiting]

    codes = Counter(code(response) for response in responses)
    assert set(codes) == {"422 unreadable_image", "503 overloaded"}
    assert codes["503 overloaded"] >= 4
    refused = [response for response in responses if response.status_code == 503]
    assert {response.headers["retry-after"] for response in refused} == {"1"}


def test_an_answer_that_takes_too_long_is_given_up(url: str) -> None:
    assert code(sent(url, b"stuck")) == "504 timeout"
    assert code(sent(url, b"any")) == "422 unreadable_image"


def test_a_stage_that_dies_is_told_and_replaced(url: str) -> None:
    response = sent(url, b"die")

    assert code(response) == "503 unavailable"
    assert response.headers["retry-after"] == "5"
    wait_until_reached(url)


def test_another_replica_answers_for_one_that_is_lost(url: str, tmp_path: Path) -> None:
    photo = ONCE + bytes(tmp_path / "mark")

    assert code(sent(url, photo)) == "422 unreadable_image"
    assert (tmp_path / "mark").exists()


def test_an_ingress_that_dies_is_told_and_replaced(url: str, tmp_path: Path) -> None:
    import ray

    (name,) = (
        actor["name"]
        for actor in ray.util.list_named_actors(all_namespaces=True)
        if actor["name"].startswith("SERVE_REPLICA::failing#Ingress")
    )
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sent, url, HELD + bytes(tmp_path / "released"))
        wait_until((tmp_path / "released.reached").exists)
        ray.kill(ray.get_actor(name, namespace="serve"), no_restart=True)
        response = waiting.result()
    (tmp_path / "released").touch()

    assert code(response) == "503 unavailable"
    wait_until_reached(url)
