"""The middleware around applications that behave like Serve's proxy, message by message."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from deployments.http.middleware import ProxyMiddleware, middlewares
from deployments.limits import MAX_REQUEST_BYTES
from faceage_core.errors import Overloaded

Headers = list[tuple[bytes, bytes]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
CHUNK = bytes(1024 * 1024)
DISCONNECT: Message = {"type": "http.disconnect"}


class Exchange:
    """One request through the middleware, and the messages that were sent."""

    def __init__(
        self, app: App, body: list[Message], headers: Headers | None = None, **options: Any
    ) -> None:
        self.sent: list[Message] = []
        self.read = 0
        messages = iter(body)

        async def receive() -> Message:
            self.read += 1
            try:
                return next(messages)
            except StopIteration:
                await asyncio.Event().wait()
                raise

        async def send(message: Message) -> None:
            self.sent.append(message)

        scope = {"type": "http", "headers": headers or []}
        asyncio.run(ProxyMiddleware(app, **options)(scope, receive, send))

    @property
    def status(self) -> int:
        assert [message["type"] for message in self.sent] == [
            "http.response.start",
            "http.response.body",
        ]
        return int(self.sent[0]["status"])

    @property
    def ids(self) -> list[str]:
        return [v.decode() for k, v in self.sent[0]["headers"] if k.lower() == b"x-request-id"]

    @property
    def json(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.sent[1]["body"])
        return answer


def part(body: bytes = b"", more: bool = True) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def answering(status: int, body: bytes, kind: bytes, *headers: tuple[bytes, bytes]) -> App:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope["headers"]).get(b"x-request-id", b"none")
        own: Headers = [(b"content-type", kind), (b"x-request-id", given), *headers]
        await send({"type": "http.response.start", "status": status, "headers": own})
        await send({"type": "http.response.body", "body": body})

    return app


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    """Like the proxy: reads the whole body, and does not answer a disconnected client."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if not message["more_body"]:
            break
    await answering(200, b"{}", b"application/json")(scope, receive, send)


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("/home/secret")


async def silent(scope: Scope, receive: Receive, send: Send) -> None:
    return


def test_serve_loads_the_middleware() -> None:
    assert [repr(one) for one in middlewares()] == ["Middleware(ProxyMiddleware)"]


def test_an_answer_is_forwarded_unchanged_with_one_request_id() -> None:
    exchange = Exchange(reading, [part(b"x", more=False)], [(b"x-request-id", b"mine")])

    assert exchange.status == 200
    assert exchange.sent[1]["body"] == b"{}"
    assert exchange.ids == ["mine"]


def test_an_error_of_the_application_is_forwarded_unchanged() -> None:
    app = answering(422, b'{"code":"no_face"}', b"application/json")
    assert Exchange(app, []).json == {"code": "no_face"}


@pytest.mark.parametrize(
    "given", [b"", b"x" * 129, "é".encode(), b"\xff\xfe", b"a\tb", b"a\x7fb", "名".encode()]
)
def test_an_invalid_request_id_is_replaced(given: bytes) -> None:
    exchange = Exchange(reading, [part(more=False)], [(b"x-request-id", given)])

    (own,) = exchange.ids
    assert len(own) == 32
    assert own.encode() != given


def test_only_the_first_of_several_request_ids_is_kept() -> None:
    headers = [(b"x-request-id", b"first"), (b"x-request-id", b"second")]
    assert Exchange(reading, [part(more=False)], headers).ids == ["first"]


def test_headers_that_are_not_utf8_do_not_reach_the_proxy() -> None:
    seen: list[Headers] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["headers"])
        await reading(scope, receive, send)

    Exchange(app, [part(more=False)], [(b"x-session-id", b"\xff"), (b"accept", b"*/*")])

    assert dict(seen[0])[b"accept"] == b"*/*"
    assert b"x-session-id" not in dict(seen[0])


def test_a_content_length_above_the_limit_is_rejected_without_reading() -> None:
    length = str(MAX_REQUEST_BYTES + 1).encode()
    exchange = Exchange(reading, [part(CHUNK)] * 40, [(b"content-length", length)])

    assert (exchange.status, exchange.json["code"]) == (413, "request_too_large")
    assert exchange.read == 0
    assert exchange.ids == [exchange.json["request_id"]]


def test_a_body_of_exactly_the_limit_is_read() -> None:
    body = [part(CHUNK)] * (MAX_REQUEST_BYTES // len(CHUNK)) + [part(more=False)]
    assert Exchange(reading, body).status == 200


def test_reading_stops_when_a_body_exceeds_the_limit() -> None:
    exchange = Exchange(reading, [part(CHUNK)] * 100)

    assert (exchange.status, exchange.json["code"]) == (413, "request_too_large")
    assert exchange.read == MAX_REQUEST_BYTES // len(CHUNK) + 1


def test_a_rejected_upload_gets_only_one_response() -> None:
    async def answers_after_disconnect(scope: Scope, receive: Receive, send: Send) -> None:
        await reading(scope, receive, send)
        await answering(499, b"", b"text/plain")(scope, receive, send)

    assert Exchange(answers_after_disconnect, [part(CHUNK)] * 100).status == 413


def test_a_stalled_upload_is_rejected() -> None:
    exchange = Exchange(reading, [part(b"x")], idle_timeout_s=0.01)
    assert (exchange.status, exchange.json["code"]) == (408, "upload_timeout")


def test_waiting_for_the_answer_is_not_a_stalled_upload() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        disconnect = asyncio.ensure_future(receive())
        await asyncio.sleep(0.05)
        assert not disconnect.done()
        disconnect.cancel()
        await answering(200, b"{}", b"application/json")(scope, receive, send)

    assert Exchange(slow, [part(more=False)], idle_timeout_s=0.01).status == 200


@pytest.mark.parametrize("app", [failing, silent])
def test_no_answer_becomes_unavailable(app: App, caplog: pytest.LogCaptureFixture) -> None:
    exchange = Exchange(app, [part(more=False)])

    assert (exchange.status, exchange.json["code"]) == (503, "unavailable")
    assert (b"retry-after", b"5") in exchange.sent[0]["headers"]
    assert "secret" not in str(exchange.sent) + caplog.text


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (Overloaded(), 503, "overloaded", [b"1"]),
        (TimeoutError(), 504, "timeout", []),
        (asyncio.CancelledError(), 503, "unavailable", [b"5"]),
    ],
)
def test_an_exception_of_the_admission_gets_its_error_response(
    error: BaseException, status: int, code: str, retry_after: list[bytes]
) -> None:
    async def raising(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    exchange = Exchange(raising, [], [(b"x-request-id", b"mine")])

    assert (exchange.status, exchange.json["code"]) == (status, code)
    assert exchange.ids == [exchange.json["request_id"]] == ["mine"]
    headers = exchange.sent[0]["headers"]
    assert [value for name, value in headers if name == b"retry-after"] == retry_after


def test_nothing_is_sent_to_a_disconnected_client() -> None:
    assert Exchange(reading, [part(b"x"), DISCONNECT]).sent == []


@pytest.mark.parametrize(
    ("status", "headers", "code", "answered"),
    [
        (404, [], "not_found", 404),
        (408, [], "timeout", 504),
        (503, [(b"retry-after", b"1")], "overloaded", 503),
        (429, [], "overloaded", 503),
        (503, [], "unavailable", 503),
        (500, [], "unavailable", 503),
    ],
)
def test_a_plain_text_error_becomes_structured(
    status: int, headers: Headers, code: str, answered: int
) -> None:
    exchange = Exchange(answering(status, b"/some/path", b"text/plain", *headers), [])

    assert (exchange.status, exchange.json["code"]) == (answered, code)
    assert "/some/path" not in exchange.json["message"]
    assert exchange.ids == [exchange.json["request_id"]]


def test_other_protocols_are_forwarded() -> None:
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def receive() -> Message:
        return DISCONNECT

    async def send(message: Message) -> None:
        raise AssertionError

    asyncio.run(ProxyMiddleware(app)({"type": "websocket"}, receive, send))
    assert seen == ["websocket"]
