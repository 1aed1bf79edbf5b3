"""The HTTP interface: routes, the OpenAPI document and the map from errors to status codes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from uuid import uuid4

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

import faceage_core
from deployments import openapi
from deployments.graph import CompareRequest, Upload
from deployments.negotiation import prefers_jpeg
from deployments.uploads import read_compare, read_image
from faceage_core.answer import CompareAnswer, FacesAnswer
from faceage_core.bundles import Bundle
from faceage_core.card import ModelCard
from faceage_core.errors import FaceageError
from faceage_core.picture import annotate_comparison

_STATUS = {
    "invalid_argument": 422,
    "unreadable_image": 422,
    "no_face": 422,
    "unsupported_format": 415,
    "image_too_large": 413,
    "request_too_large": 413,
    "overloaded": 503,
    "timeout": 504,
}


class ErrorAnswer(BaseModel):
    """What every refused request gets."""

    code: str = Field(description="stable; made for programs")
    message: str = Field(description="one sentence; made for people")
    request_id: str
    field: str | None = Field(default=None, description="the input it is about")


class ModelsList(BaseModel):
    """The models of the running bundle, each with its whole card."""

    bundle: str
    detector: ModelCard
    age: ModelCard
    gender: ModelCard | None
    identity: ModelCard


class Status(BaseModel):
    """How the service is."""

    status: str


class Service(Protocol):
    """What stands behind the routes."""

    bundle: Bundle

    async def compare(self, request: CompareRequest, request_id: str) -> CompareAnswer:
        """Answer one comparison."""
        ...

    async def faces(self, image: Upload, request_id: str) -> FacesAnswer:
        """Answer with all faces of one photo."""
        ...

    async def ready(self) -> bool:
        """Whether every stage can answer."""
        ...


def create_app(service: Service) -> FastAPI:
    """The whole interface over one service."""
    app = FastAPI(
        title="faceage",
        version=faceage_core.__version__,
        description="Two face photos in; how old each looks and whether both show the same person.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    _add_error_handlers(app)

    @app.post(
        "/v1/compare",
        response_model=CompareAnswer,
        responses=openapi.responses(ErrorAnswer, picture=True),
        openapi_extra=openapi.compare_body(),
        summary="Compare two photos",
    )
    async def compare(request: Request) -> Response:
        asked = await read_compare(request)
        answer = await service.compare(asked, request_id(request))
        if not prefers_jpeg(request.headers.get("accept")):
            return Response(answer.model_dump_json(), media_type="application/json")
        picture = await asyncio.to_thread(
            annotate_comparison, answer, asked.image_1.data, asked.image_2.data
        )
        return Response(picture, media_type="image/jpeg")

    @app.post(
        "/v1/faces",
        response_model=FacesAnswer,
        responses=openapi.responses(ErrorAnswer),
        openapi_extra=openapi.faces_body(),
        summary="All faces of one photo",
    )
    async def faces(request: Request) -> Response:
        answer = await service.faces(await read_image(request), request_id(request))
        return Response(answer.model_dump_json(), media_type="application/json")

    @app.get("/v1/models", summary="The running models and their cards")
    async def models() -> ModelsList:
        bundle = service.bundle
        return ModelsList(
            bundle=bundle.name,
            detector=bundle.detector,
            age=bundle.age,
            gender=bundle.gender,
            identity=bundle.identity,
        )

    @app.get("/healthz", summary="Whether this process answers")
    async def healthz() -> Status:
        return Status(status="ok")

    @app.get(
        "/readyz", summary="Whether every stage can answer", responses={503: {"model": Status}}
    )
    async def readyz() -> JSONResponse:
        ready = await service.ready()
        return JSONResponse(
            {"status": "ready" if ready else "not ready"}, status_code=200 if ready else 503
        )

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("docs")

    return app


def request_id(request: Request) -> str:
    """The id that the caller or the proxy gave the request, else a new one."""
    if not hasattr(request.state, "request_id"):
        given = request.headers.get("x-request-id", "")
        request.state.request_id = given if 0 < len(given) <= 128 else uuid4().hex
    return str(request.state.request_id)


def error_response(
    request: Request, code: str, message: str, *, status: int, field: str | None = None
) -> JSONResponse:
    """The structured answer to a request that is refused."""
    answer = ErrorAnswer(code=code, message=message, request_id=request_id(request), field=field)
    headers = {"Retry-After": "1"} if status == 503 else None
    return JSONResponse(answer.model_dump(exclude_none=True), status_code=status, headers=headers)


Handler = Callable[[Request, Any], Awaitable[Response]]


def _add_error_handlers(app: FastAPI) -> None:
    async def refused(request: Request, error: FaceageError) -> Response:
        status = _STATUS.get(error.code, 500)
        message = error.message if status != 500 else "the service failed; nothing was stored"
        return error_response(request, error.code, message, status=status, field=error.field)

    async def http_error(request: Request, error: HTTPException) -> Response:
        codes = {404: "not_found", 405: "method_not_allowed"}
        response = error_response(
            request,
            codes.get(error.status_code, "invalid_argument"),
            str(error.detail),
            status=error.status_code,
        )
        response.headers.update(error.headers or {})
        return response

    async def timed_out(request: Request, error: TimeoutError) -> Response:
        return error_response(request, "timeout", "the answer took too long", status=504)

    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody reads it; it keeps the log free of a traceback

    async def unexpected(request: Request, error: Exception) -> Response:
        return error_response(
            request, "internal_error", "the service failed; nothing was stored", status=500
        )

    app.add_exception_handler(FaceageError, refused)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, http_error)  # type: ignore[arg-type]
    app.add_exception_handler(TimeoutError, timed_out)  # type: ignore[arg-type]
    app.add_exception_handler(ClientDisconnect, gone)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, unexpected)
