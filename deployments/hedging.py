"""Hedged calls to a stage: if a replica is lost or slow, another replica is called as well.

Ray notices a lost host only after some seconds; until then calls sent there wait. The method is
the hedged request of Dean and Barroso, "The tail at scale", 2013.

A call is not cancelled when another replica answers first:
Serve sends requests to the replicas with the fewest ongoing requests, and a lost replica whose
calls were all cancelled would look like the best one.
"""

import asyncio
from typing import Any

from ray.exceptions import ObjectLostError, RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

_LOST = (RayActorError, ObjectLostError)
_NO_ANSWER = (*_LOST, BackPressureError, DeploymentUnavailableError)


class HedgedCaller:
    """Repeats calls to slow or lost replicas.

    After two lost replicas it gives up: an input that kills replicas must not kill all of them.

    Args:
        hedge_after_s: the wait for an answer before another call is sent.
        max_calls: the most calls for one request to a stage, the first included.
        max_hedges: the most additional calls in progress at once. At this limit requests wait:
            a stage that is slow under load must not get twice the load.
    """

    def __init__(self, *, hedge_after_s: float, max_calls: int = 3, max_hedges: int = 32) -> None:
        self._hedge_after_s = hedge_after_s
        self._max_calls = max_calls
        self._max_hedges = max_hedges
        self._hedges = 0
        self._pending: set[asyncio.Task[Any]] = set()  # asyncio itself holds tasks only weakly

    async def call(self, method: Any, argument: object) -> Any:
        """Return the first answer of any replica; an error is an answer too.

        Args:
            method: a method of a Serve handle.
            argument: of the call.

        Raises:
            RayError, RayServeException: every call failed; the error of the last one.
        """
        calls = [self._send(method, argument)]
        try:
            while waiting := [call for call in calls if not call.done()]:
                done, left = await asyncio.wait(
                    waiting, timeout=self._hedge_after_s, return_when=asyncio.FIRST_COMPLETED
                )
                for call in done:
                    if not isinstance(call.exception(), _NO_ANSWER if calls[1:] else _LOST):
                        return call.result()
                if self._should_repeat(calls, timed_out=not done, waiting=bool(left)):
                    calls.append(self._send(method, argument))
                    self._hedges += 1
            return calls[-1].result()
        except asyncio.CancelledError:
            for call in calls:
                call.cancel()
            raise
        finally:
            self._hedges -= len(calls) - 1

    def _should_repeat(
        self, calls: list[asyncio.Task[Any]], *, timed_out: bool, waiting: bool
    ) -> bool:
        lost = sum(call.done() and isinstance(call.exception(), _LOST) for call in calls)
        if len(calls) >= self._max_calls or lost > 1:
            return False
        if timed_out:
            return self._hedges < self._max_hedges
        return not waiting and isinstance(calls[-1].exception(), _LOST)

    def _send(self, method: Any, argument: object) -> asyncio.Task[Any]:
        call = asyncio.create_task(result_of(method.remote(argument)))
        self._pending.add(call)
        call.add_done_callback(self._forget)
        return call

    def _forget(self, call: asyncio.Task[Any]) -> None:
        self._pending.discard(call)
        if not call.cancelled():
            call.exception()  # marks it as retrieved; asyncio logs exceptions nobody retrieved


async def result_of(response: Any) -> Any:
    """Await the response of a handle; when this is cancelled, cancel the call in the replica."""
    try:
        return await response
    except asyncio.CancelledError:
        response.cancel()
        raise
