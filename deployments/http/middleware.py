"""The edge: what happens to a request before Serve's proxy has it, and to an answer after.

Serve's proxy reads a body as fast as it comes, whatever its size, and answers some failures in
plain text or not at all. This ASGI middleware round it bounds what is read, and makes every failure
a structured refusal with the request's id. A proxy takes it from its environment: `PROXY_ENV`.
"""

import asyncio
import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.http.errors import UNAVAILABLE, refusal, usable_id
from deployments.limits import MAX_REQUEST_BYTES, TOO_LARGE, stated_bytes

PROXY_ENV = {"RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "deployments.http.middleware.middlewares"}
IDLE_TIMEOUT_S = 30.0

_PLAIN = {
    404: ("not_found", "there is nothing at this address"),
    408: ("timeout", "the answer took too long"),
    429: ("overloaded", "the service is busy; try again soon"),
}
_logger = logging.getLogger("ray.serve")


def middlewares() -> list[Middleware]:
    """What Serve's proxy asks for."""
    return [Middleware(Edge)]


class Edge:
    """The middleware; each request is an exchange of its own."""

    def __init__(self, app: ASGIApp, *, idle_timeout_s: float = IDLE_TIMEOUT_S) -> None:
        self._app = app
        self._idle_timeout_s = idle_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(scope, receive, send, self._idle_timeout_s).run(self._app)


class _Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, idle_timeout_s: float) -> None:
        self._request_id = usable_id(Headers(scope=scope).get("x-request-id"))
        self._scope = {**scope, "headers": _readable_headers(scope, self._request_id)}
        self._receive = receive
        self._send = send
        self._idle_timeout_s = idle_timeout_s
        self._received_bytes = 0
        self._body_ended = False
        self._gone = False
        self._answered = False
        self._refusal: tuple[str, str] | None = None

    async def run(self, app: ASGIApp) -> None:
        if stated_bytes(Headers(scope=self._scope).get("content-length")) > MAX_REQUEST_BYTES:
            self._refusal = ("request_too_large", TOO_LARGE)
        else:
            try:
                await app(self._scope, self._bounded_receive, self._structured_send)
            except Exception as error:
                _logger.error("request %s: %s", self._request_id, type(error).__name__)
        if not self._answered and not self._gone:
            code, message = self._refusal or ("unavailable", UNAVAILABLE)
            await refusal(code, message, self._request_id)(self._scope, self._receive, self._reply)

    async def _bounded_receive(self) -> Message:
        """The next message; to the proxy, a client that is refused looks like one that left."""
        if self._refusal:
            return {"type": "http.disconnect"}
        try:
            async with asyncio.timeout(None if self._body_ended else self._idle_timeout_s):
                message = await self._receive()
        except TimeoutError:
            self._refusal = (
                "upload_timeout",
                f"nothing of the request arrived for {self._idle_timeout_s:g} s",
            )
            return {"type": "http.disconnect"}
        if message["type"] == "http.disconnect":
            self._gone = True
            return message
        self._body_ended = not message.get("more_body", False)
        self._received_bytes += len(message.get("body", b""))
        if self._received_bytes > MAX_REQUEST_BYTES:
            self._refusal = ("request_too_large", TOO_LARGE)
            return {"type": "http.disconnect"}
        return message

    async def _structured_send(self, message: Message) -> None:
        """Pass the application's answer on, and keep back what is not from the application."""
        if self._answered:
            await self._reply(message)
        elif message["type"] == "http.response.start" and not self._refusal:
            headers = Headers(raw=message["headers"])
            if message["status"] < 400 or headers.get("content-type") == "application/json":
                await self._reply(message)
            else:
                busy = message["status"] == 503 and "retry-after" in headers
                self._refusal = _PLAIN.get(429 if busy else message["status"])

    async def _reply(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._answered = True
            MutableHeaders(scope=message)["X-Request-ID"] = self._request_id
        await self._send(message)


def _readable_headers(scope: Scope, request_id: str) -> list[tuple[bytes, bytes]]:
    """The headers with one usable id, and without values that the proxy would stumble over."""
    kept = [
        (name, value)
        for name, value in scope["headers"]
        if name != b"x-request-id" and _is_utf8(value)
    ]
    return [*kept, (b"x-request-id", request_id.encode())]


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
