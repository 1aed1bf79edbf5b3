"""A stage is asked; where a replica is lost, or silent for long, another one is asked as well.

That a host is lost is noticed after some seconds only; until then whatever was sent there waits.
Asking again is a hedged request: Dean and Barroso, "The tail at scale", 2013.

A call that nobody needs any more since another was answered is not cancelled but left to itself:
Serve sends requests to replicas that have few under way, and would take one that is lost, and whose
calls were all cancelled, for the best of all.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from ray.exceptions import ObjectLostError, RayActorError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

_LOST = (RayActorError, ObjectLostError)
_NO_ANSWER = (*_LOST, BackPressureError, DeploymentUnavailableError)


class Asker:
    """Asks twice, not more: should the photo itself have ended a replica, it must not end them all.

    Args:
        patience_s: how long a stage may be silent before it is asked a second time.
        most_repeats: so many second calls to silent replicas at once, others wait for their turn: a
            stage that is slow under load must not get twice the load.
    """

    def __init__(self, *, patience_s: float, most_repeats: int = 32) -> None:
        self._patience_s = patience_s
        self._most_repeats = most_repeats
        self._repeats = 0
        self._left: set[asyncio.Task[Any]] = set()  # asyncio itself holds tasks weakly only

    async def ask(self, method: Any, argument: object) -> Any:
        """What a stage answers.

        Args:
            method: a Serve handle's method.
            argument: of the call.

        Raises:
            RayError, RayServeException: the stage failed, twice if it was asked twice.
        """
        first = self._sent(method, argument)
        tries = [first]
        try:
            await asyncio.wait(tries, timeout=self._patience_s)
            while not first.done() and self._repeats >= self._most_repeats:
                await asyncio.wait(tries, timeout=self._patience_s)
            if first.done() and not isinstance(first.exception(), _LOST):
                return first.result()
            tries.append(self._sent(method, argument))
            self._repeats += 1
            try:
                return await _answer(tries)
            finally:
                self._repeats -= 1
        except asyncio.CancelledError:
            for one in tries:
                one.cancel()
            raise

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


async def _answer(tries: Sequence[asyncio.Task[Any]]) -> Any:
    """What the first replica says that answers, be it an error; else how the last try failed."""
    waiting = set(tries)
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            if not isinstance(one.exception(), _NO_ANSWER):
                return one.result()
    return tries[-1].result()
