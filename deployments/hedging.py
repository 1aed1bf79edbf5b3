"""A stage is asked; where a replica is lost, or silent for long, another one is asked as well.

That a host is lost is noticed after some seconds only; until then whatever was sent there waits.
Asking again is a hedged request: Dean and Barroso, "The tail at scale", 2013.

A call that nobody needs any more since another was answered is not cancelled but left to itself:
Serve sends requests to replicas that have few under way, and would take one that is lost, and whose
calls were all cancelled, for the best of all.
"""

import asyncio
from typing import Any

from ray.exceptions import ObjectLostError, RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

_LOST = (RayActorError, ObjectLostError)
_NO_ANSWER = (*_LOST, BackPressureError, DeploymentUnavailableError)


class Asker:
    """Asks again, but not once two are lost: should the photo end replicas, it must not end all.

    Args:
        patience_s: how long a stage may be silent before it is asked again.
        most_calls: of one request to a stage, the first included.
        most_repeats: so many further calls for silent replicas at once, others wait for their turn:
            a stage that is slow under load must not get twice the load.
    """

    def __init__(self, *, patience_s: float, most_calls: int = 3, most_repeats: int = 32) -> None:
        self._patience_s = patience_s
        self._most_calls = most_calls
        self._most_repeats = most_repeats
        self._repeats = 0
        self._left: set[asyncio.Task[Any]] = set()  # asyncio itself holds tasks weakly only

    async def ask(self, method: Any, argument: object) -> Any:
        """What the first replica says that answers, be it an error; else how the last one failed.

        Args:
            method: a Serve handle's method.
            argument: of the call.

        Raises:
            RayError, RayServeException: the stage failed, as often as it was asked.
        """
        calls = [self._sent(method, argument)]
        try:
            while waiting := [call for call in calls if not call.done()]:
                done, left = await asyncio.wait(
                    waiting, timeout=self._patience_s, return_when=asyncio.FIRST_COMPLETED
                )
                for call in done:
                    if not isinstance(call.exception(), _NO_ANSWER if calls[1:] else _LOST):
                        return call.result()
                if self._again(calls, silent=not done, waiting=bool(left)):
                    calls.append(self._sent(method, argument))
                    self._repeats += 1
            return calls[-1].result()
        except asyncio.CancelledError:
            for call in calls:
                call.cancel()
            raise
        finally:
            self._repeats -= len(calls) - 1

    def _again(self, calls: list[asyncio.Task[Any]], *, silent: bool, waiting: bool) -> bool:
        lost = sum(call.done() and isinstance(call.exception(), _LOST) for call in calls)
        if len(calls) >= self._most_calls or lost > 1:
            return False
        if silent:
            return self._repeats < self._most_repeats
        return not waiting and isinstance(calls[-1].exception(), _LOST)

    def _sent(self, method: Any, argument: object) -> asyncio.Task[Any]:
        call = asyncio.create_task(result_of(method.remote(argument)))
        self._left.add(call)
        call.add_done_callback(self._ended)
        return call

    def _ended(self, call: asyncio.Task[Any]) -> None:
        self._left.discard(call)
        if not call.cancelled():
            call.exception()  # asyncio complains of those that nobody has looked at


async def result_of(response: Any) -> Any:
    """What a stage answers; where nobody waits for it any more, the stage is told."""
    try:
        return await response
    except asyncio.CancelledError:
        response.cancel()
        raise
