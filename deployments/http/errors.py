"""Error responses: the status of each error code, and the one schema of all of them."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from faceage_core.errors import FaceageError, Unavailable

TIMED_OUT = "the answer took too long"
FAILED = "the service failed; nothing was stored"
UNAVAILABLE = Unavailable().message

_STATUS = {
    "not_found": 404,
    "method_not_allowed": 405,
    "upload_timeout": 408,
    "image_too_large": 413,
    "request_too_large": 413,
    "unsupported_format": 415,
    "invalid_argument": 422,
    "no_face": 422,
    "unreadable_image": 422,
    "internal_error": 500,
    "overloaded": 503,
    "unavailable": 503,
    "timeout": 504,
}
_RETRY_AFTER_S = {"overloaded": 1, "unavailable": 5}
_MAX_ID_LENGTH = 128


class ErrorAnswer(BaseModel):
    """The body of every error response."""

    code: str = Field(description="stable, for programs")
    message: str = Field(description="one sentence, for people")
    request_id: str
    field: str | None = Field(default=None, description="the input that caused it")


def error_response(
    code: str, message: str, request_id: str, *, field: str | None = None
) -> JSONResponse:
    """Build an error response; an internal error gives no details."""
    if _STATUS.get(code, 500) == 500:
        code, message, field = "internal_error", FAILED, None
    answer = ErrorAnswer(code=code, message=message, request_id=request_id, field=field)
    headers = {"Retry-After": str(_RETRY_AFTER_S[code])} if code in _RETRY_AFTER_S else None
    return JSONResponse(answer.model_dump(exclude_none=True), _STATUS[code], headers)


def request_id(request: Request) -> str:
    """The id of this request, the same at every call."""
    if not hasattr(request.state, "request_id"):
        request.state.request_id = usable_id(request.headers.get("x-request-id"))
    return str(request.state.request_id)


def usable_id(given: str | None) -> str:
    """The caller's id if it is short and printable ASCII, otherwise a new one."""
    usable = given and len(given) <= _MAX_ID_LENGTH and given.isascii() and given.isprintable()
    return given if given and usable else uuid4().hex


def add_error_handlers(app: FastAPI) -> None:
    """Turn every exception of the routes into an error response."""

    async def faceage_error(request: Request, error: FaceageError) -> Response:
        return error_response(error.code, error.message, request_id(request), field=error.field)

    async def http_error(request: Request, error: HTTPException) -> Response:
        codes = {404: "not_found", 405: "method_not_allowed"}
        code = codes.get(error.status_code, "invalid_argument")
        response = error_response(code, str(error.detail), request_id(request))
        response.headers.update(error.headers or {})
        return response

    async def timed_out(request: Request, error: TimeoutError) -> Response:
        return error_response("timeout", TIMED_OUT, request_id(request))

    async def disconnected(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody reads it; it prevents a logged traceback

    async def unexpected(request: Request, error: Exception) -> Response:
        return error_response("internal_error", FAILED, request_id(request))

    handlers: dict[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
        FaceageError: faceage_error,
        HTTPException: http_error,
        TimeoutError: timed_out,
        ClientDisconnect: disconnected,
        Exception: unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
