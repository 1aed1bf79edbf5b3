"""The middleware that admits requests, over applications that wait until they are released."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from deployments.http.admission import AdmissionMiddleware, timeout_s
from faceage_core.errors import Overloaded

BODY: Message = {"type": "http.request", "body": b"x", "more_body": False}
PART: Message = {"type": "http.request", "body": b"x", "more_body": True}
DISCONNECT: Message = {"type": "http.disconnect"}


class App:
    """Reads a body, and answers once it is released."""

    def __init__(self) -> None:
        self.running = 0
        self.most_running = 0
        self.ended: list[str] = []
        self.released = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        try:
            while (await receive()).get("more_body"):
                pass
            await self.released.wait()
            await send({"type": "http.response.start"})
            self.ended.append("answered")
        except asyncio.CancelledError:
            self.ended.append("cancelled")
            raise
        finally:
            self.running -= 1


async def send_nothing(message: Message) -> None:
    pass


def connected(*messages: Message) -> Receive:
    """The messages of a client, which stays connected after the last one."""
    left = list(messages)

    async def receive() -> Message:
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    return receive


def request(
    middleware: AdmissionMiddleware,
    receive: Receive | None = None,
    *,
    method: str = "POST",
    headers: dict[str, str] | None = None,
) -> "asyncio.Task[None]":
    scope = {"type": "http", "method": method, "headers": Headers(headers or {}).raw}
    answer: Coroutine[Any, Any, None] = middleware(scope, receive or connected(BODY), send_nothing)
    return asyncio.create_task(answer)


async def settled() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


def in_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run an asynchronous test."""

    def run() -> None:
        async def awaited() -> None:
            await test()

        asyncio.run(awaited())

    return run


@in_loop
async def test_requests_run_or_wait_up_to_the_limits_and_the_rest_are_refused() -> None:
    app = App()
    middleware = AdmissionMiddleware(app, max_ongoing=2, max_queued=3)
    admitted = [request(middleware) for _ in range(5)]
    await settled()
    assert app.running == 2
    for _ in range(3):
        with pytest.raises(Overloaded):
            await request(middleware)

    app.released.set()
    await asyncio.gather(*admitted)
    assert app.ended == ["answered"] * 5
    assert app.most_running == 2
    await request(middleware)


@in_loop
async def test_requests_without_photos_are_always_answered() -> None:
    app = App()
    middleware = AdmissionMiddleware(app, max_ongoing=1, max_queued=0)
    waiting = request(middleware)
    probes = [request(middleware, method=method) for method in ("GET", "HEAD", "GET")]
    await settled()
    assert app.running == 4
    app.released.set()
    await asyncio.gather(waiting, *probes)


@in_loop
async def test_a_request_s_own_time_limit_includes_the_time_in_the_queue() -> None:
    app = App()
    middleware = AdmissionMiddleware(app, max_ongoing=1, max_queued=1)
    first = request(middleware)
    await settled()
    with pytest.raises(TimeoutError):
        await request(middleware, headers={"X-Request-Timeout-Seconds": "0.001"})
    assert app.most_running == 1
    app.released.set()
    await first
    await request(middleware)


@in_loop
async def test_a_request_that_takes_longer_than_its_limit_is_cancelled() -> None:
    app = App()
    middleware = AdmissionMiddleware(app, max_ongoing=1, max_queued=0)
    with pytest.raises(TimeoutError):
        await request(middleware, headers={"X-Request-Timeout-Seconds": "0.001"})
    assert app.ended == ["cancelled"]
    app.released.set()
    await request(middleware)


@pytest.mark.parametrize(
    ("given", "limit_s"),
    [("2", 2.0), ("0.5", 0.5), ("1e-3", 0.001)]
    + [(text, None) for text in ("0", "-1", "nan", "inf", "", "soon", "1e999")],
)
def test_the_time_limit_is_a_positive_number_of_seconds(given: str, limit_s: float | None) -> None:
    assert timeout_s(Headers({"x-request-timeout-seconds": given})) == limit_s
    assert timeout_s(Headers({})) is None


@pytest.mark.parametrize("before", [[BODY], [PART, BODY], [PART], []])
def test_the_work_for_a_client_that_disconnects_is_cancelled(before: list[Message]) -> None:
    async def disconnect() -> None:
        app = App()
        middleware = AdmissionMiddleware(app, max_ongoing=1, max_queued=0)
        await request(middleware, connected(*before, DISCONNECT, DISCONNECT))
        assert app.ended == ["cancelled"]
        app.released.set()
        await request(middleware)

    asyncio.run(disconnect())


@in_loop
async def test_an_answer_before_the_end_of_the_body_is_sent() -> None:
    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 413})

    sent = []

    async def send(message: Message) -> None:
        sent.append(message)

    middleware = AdmissionMiddleware(refusing, max_ongoing=1, max_queued=0)
    for _ in range(2):
        await middleware(
            {"type": "http", "method": "POST", "headers": []}, connected(PART, PART), send
        )
    assert [message["status"] for message in sent] == [413, 413]


@in_loop
async def test_an_error_of_the_application_is_raised_and_frees_the_place() -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        raise ValueError("a bug")

    middleware = AdmissionMiddleware(failing, max_ongoing=1, max_queued=0)
    for _ in range(2):
        with pytest.raises(ValueError, match="a bug"):
            await request(middleware)


@in_loop
async def test_a_request_that_the_server_cancels_ends_its_work() -> None:
    app = App()
    middleware = AdmissionMiddleware(app, max_ongoing=1, max_queued=0)
    cancelled = request(middleware)
    await settled()
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert app.ended == ["cancelled"]
