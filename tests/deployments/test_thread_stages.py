"""Stages in threads: the number of calls at once, and calls that are cancelled."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from deployments.thread_stages import ThreadStages
from faceage_core.pipeline.stages import AGE, DETECTOR

WAIT_S = 600.0  # only a failing test waits for it


def of(detect: Callable[[list[Any]], list[Any]], *, threads: int) -> ThreadStages:
    return ThreadStages({DETECTOR.name: detect, AGE.name: detect}, threads=threads)


def run(stages: ThreadStages, request: Any) -> "asyncio.Task[Any]":
    return asyncio.create_task(stages.run(DETECTOR, request))


class Blocking:
    """A stage whose calls wait until they are released."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.reached = threading.Semaphore(0)
        self.released = threading.Event()

    def __call__(self, requests: list[Any]) -> list[Any]:
        self.events.append(f"start {requests[0]}")
        self.reached.release()
        assert self.released.wait(WAIT_S)
        self.events.append(f"end {requests[0]}")
        return requests

    async def wait_until_reached(self) -> None:
        assert await asyncio.to_thread(self.reached.acquire, timeout=WAIT_S)


def test_as_many_calls_run_at_once_as_there_are_threads() -> None:
    barrier, lock = threading.Barrier(3), threading.Lock()
    running, most = 0, 0

    def detect(requests: list[int]) -> list[int]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        barrier.wait(WAIT_S)  # passes only if three calls are here at once
        with lock:
            running -= 1
        barrier.wait(WAIT_S)  # no call ends before all three have left
        return requests

    async def run_all() -> list[Any]:
        stages = of(detect, threads=3)
        return await asyncio.gather(*(run(stages, number) for number in range(30)))

    assert asyncio.run(run_all()) == list(range(30))
    assert most == 3


def test_a_stage_does_not_wait_for_the_calls_of_another_one() -> None:
    detect = Blocking()

    async def run_both() -> list[Any]:
        stages = ThreadStages({DETECTOR.name: detect, AGE.name: lambda one: one}, threads=1)
        blocked = run(stages, "a photo")
        await detect.wait_until_reached()
        answer = await stages.run(AGE, {})
        assert not blocked.done()
        detect.released.set()
        return [answer, await blocked]

    assert asyncio.run(run_both()) == [{}, "a photo"]


def test_a_cancelled_call_keeps_its_place_until_it_ends() -> None:
    detect = Blocking()

    async def cancel_one() -> None:
        stages = of(detect, threads=1)
        cancelled = run(stages, "first")
        await detect.wait_until_reached()
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        other = run(stages, "second")
        await asyncio.sleep(0.01)
        assert detect.events == ["start first"]
        detect.released.set()
        assert await other == "second"

    asyncio.run(cancel_one())
    assert detect.events == ["start first", "end first", "start second", "end second"]


class Photo:
    """Can be referenced weakly."""


@pytest.mark.parametrize("running_is_cancelled", [False, True])
def test_nothing_is_left_of_calls_that_are_cancelled_while_they_wait(
    running_is_cancelled: bool,
) -> None:
    detect = Blocking()

    async def cancel_waiting() -> None:
        stages = of(detect, threads=1)
        first = run(stages, "first")
        await detect.wait_until_reached()
        if running_is_cancelled:
            first.cancel()
            await asyncio.wait([first])
        photo = Photo()
        waiting, kept = run(stages, photo), weakref.ref(photo)
        del photo
        await asyncio.sleep(0.01)
        assert kept() is not None
        waiting.cancel()
        await asyncio.wait([waiting])
        del waiting
        gc.collect()
        assert kept() is None
        detect.released.set()
        await asyncio.wait([first])

    asyncio.run(cancel_waiting())


def test_an_error_reaches_the_caller_and_frees_the_thread() -> None:
    def detect(requests: list[str]) -> list[str]:
        raise ValueError(requests[0])

    async def run_twice() -> None:
        stages = of(detect, threads=1)
        for request in ("one", "two"):
            with pytest.raises(ValueError, match=request):
                await run(stages, request)
        assert await stages.ready()

    asyncio.run(run_twice())


def test_an_event_loop_may_end_before_a_cancelled_call(caplog: pytest.LogCaptureFixture) -> None:
    detect = Blocking()

    async def abandon() -> ThreadStages:
        stages = of(detect, threads=1)
        call = run(stages, "first")
        await detect.wait_until_reached()
        call.cancel()
        await asyncio.wait([call])
        return stages

    stages = asyncio.run(abandon())
    detect.released.set()
    stages._pools[DETECTOR.name].shutdown(wait=True)
    assert detect.events == ["start first", "end first"]
    assert caplog.text == ""
