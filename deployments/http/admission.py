"""ASGI middleware that admits requests to an application, as Serve's proxy and its router do.

Only requests with a body of photos are counted (POST): probes and documents are always answered.
"""

import asyncio
from math import inf

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.limits import MAX_ONGOING_REQUESTS, MAX_QUEUED_REQUESTS
from faceage_core.errors import Overloaded

TIMEOUT_HEADER = "x-request-timeout-seconds"


class AdmissionMiddleware:
    """Limits the requests in progress and in the queue before them.

    A request's time limit of its own (`TIMEOUT_HEADER`) starts when it arrives. If its client
    disconnects, the request is cancelled.

    Args:
        app: the application.
        max_ongoing: the most requests in progress; the others wait, their bodies unread.
        max_queued: the most requests that wait.

    Raises:
        Overloaded: the queue is full.
        TimeoutError: the request's own time limit is over.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_ongoing: int = MAX_ONGOING_REQUESTS,
        max_queued: int = MAX_QUEUED_REQUESTS,
    ) -> None:
        self._app = app
        self._places = asyncio.Semaphore(max_ongoing)
        self._free = max_ongoing + max_queued

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        if not self._free:
            raise Overloaded
        self._free -= 1
        try:
            async with asyncio.timeout(timeout_s(Headers(scope=scope))), self._places:
                await _run_until_disconnect(self._app, scope, receive, send)
        finally:
            self._free += 1


def timeout_s(headers: Headers) -> float | None:
    """The time limit that the client set, None without one; read as Serve's proxy reads it."""
    try:
        given_s = float(headers.get(TIMEOUT_HEADER, "inf"))
    except ValueError:
        return None
    return given_s if 0 < given_s < inf else None


async def _run_until_disconnect(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Run the application; cancel it if the client disconnects before it ends."""
    uploaded = asyncio.Event()

    async def receive_body() -> Message:
        message = await receive()
        if not message.get("more_body", False):
            uploaded.set()
        return message

    async def disconnected() -> None:
        await uploaded.wait()
        await receive()  # after the body there is only the message of the disconnection

    tasks = [asyncio.ensure_future(app(scope, receive_body, send))]
    tasks.append(asyncio.create_task(disconnected()))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        result, _ = await asyncio.gather(*tasks, return_exceptions=True)
    if isinstance(result, Exception):
        raise result
