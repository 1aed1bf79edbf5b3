"""ASGI middleware before the application: limits on the upload, and structured errors.

Serve's proxy reads bodies of any size, and answers some failures in plain text or not at all. This
middleware limits the bytes and the idle time of an upload, and turns every failure into an error
response with the request's id. A proxy loads it from its environment, see `PROXY_ENV`; without Ray
it is around `AdmissionMiddleware`, whose exceptions it turns into error responses.
"""

import asyncio
import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deployments.http.errors import TIMED_OUT, UNAVAILABLE, error_response, usable_id
from deployments.limits import MAX_REQUEST_BYTES, TOO_LARGE, content_length
from faceage_core.errors import FaceageError

PROXY_ENV = {"RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "deployments.http.middleware.middlewares"}
IDLE_TIMEOUT_S = 30.0

_ERROR_BY_STATUS = {
    404: ("not_found", "there is nothing at this address"),
    408: ("timeout", TIMED_OUT),
    429: ("overloaded", "the service is busy; try again soon"),
}
_logger = logging.getLogger("ray.serve")


def middlewares() -> list[Middleware]:
    """The middlewares that Serve's proxy loads."""
    return [Middleware(ProxyMiddleware)]


class ProxyMiddleware:
    """Runs each request in an `_Exchange`."""

    def __init__(self, app: ASGIApp, *, idle_timeout_s: float = IDLE_TIMEOUT_S) -> None:
        self._app = app
        self._idle_timeout_s = idle_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(scope, receive, send, self._idle_timeout_s).run(self._app)


class _Exchange:
    """One request and its response."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, idle_timeout_s: float) -> None:
        self._request_id = usable_id(Headers(scope=scope).get("x-request-id"))
        self._scope = {**scope, "headers": _readable_headers(scope, self._request_id)}
        self._receive = receive
        self._send = send
        self._idle_timeout_s = idle_timeout_s
        self._received_bytes = 0
        self._body_ended = False
        self._disconnected = False
        self._started = False
        self._error: tuple[str, str] | None = None

    async def run(self, app: ASGIApp) -> None:
        if content_length(Headers(scope=self._scope)) > MAX_REQUEST_BYTES:
            self._error = ("request_too_large", TOO_LARGE)
        else:
            try:
                await app(self._scope, self._bounded_receive, self._structured_send)
            except FaceageError as error:
                self._error = (error.code, error.message)
            except TimeoutError:
                self._error = ("timeout", TIMED_OUT)
            except asyncio.CancelledError:
                pass  # the server stops: the last moment for an answer, which says "unavailable"
            except Exception as error:
                _logger.error("request %s: %s", self._request_id, type(error).__name__)
        if not self._started and not self._disconnected:
            code, message = self._error or ("unavailable", UNAVAILABLE)
            await error_response(code, message, self._request_id)(
                self._scope, self._receive, self._reply
            )

    async def _bounded_receive(self) -> Message:
        """The next message; after an error, the proxy is told that the client disconnected."""
        if self._error:
            return {"type": "http.disconnect"}
        try:
            async with asyncio.timeout(None if self._body_ended else self._idle_timeout_s):
                message = await self._receive()
        except TimeoutError:
            self._error = (
                "upload_timeout",
                f"no data arrived for {self._idle_timeout_s:g} s",
            )
            return {"type": "http.disconnect"}
        if message["type"] == "http.disconnect":
            self._disconnected = True
            return message
        self._body_ended = not message.get("more_body", False)
        self._received_bytes += len(message.get("body", b""))
        if self._received_bytes > MAX_REQUEST_BYTES:
            self._error = ("request_too_large", TOO_LARGE)
            return {"type": "http.disconnect"}
        return message

    async def _structured_send(self, message: Message) -> None:
        """Forward the application's response; drop a plain-text response of the proxy."""
        if self._started:
            await self._reply(message)
        elif message["type"] == "http.response.start" and not self._error:
            headers = Headers(raw=message["headers"])
            if message["status"] < 400 or headers.get("content-type") == "application/json":
                await self._reply(message)
            else:
                busy = message["status"] == 503 and "retry-after" in headers
                self._error = _ERROR_BY_STATUS.get(429 if busy else message["status"])

    async def _reply(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            MutableHeaders(scope=message)["X-Request-ID"] = self._request_id
        await self._send(message)


def _readable_headers(scope: Scope, request_id: str) -> list[tuple[bytes, bytes]]:
    """The headers with exactly one request id, without values that the proxy cannot decode."""
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
