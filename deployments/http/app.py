"""The HTTP application: its routes and their responses."""

import asyncio
from dataclasses import replace
from typing import Protocol

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel

import faceage_core
from deployments.http import openapi
from deployments.http.errors import ErrorAnswer, add_error_handlers, request_id
from deployments.http.forms import read_compare, read_faces
from deployments.http.negotiation import prefers_jpeg
from faceage_core.cards.model_card import AgeCard, DetectorCard, GenderCard, IdentityCard
from faceage_core.models.bundles import Bundle
from faceage_core.pipeline.graph import CompareRequest, FacesRequest
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer
from faceage_core.render.answer import annotate_comparison


class ModelsList(BaseModel):
    """The models of the running bundle with their cards."""

    bundle: str
    detector: DetectorCard
    age: AgeCard
    gender: AgeCard | GenderCard | None
    identity: IdentityCard


class Status(BaseModel):
    """The state of the service."""

    status: str


class Service(Protocol):
    """The service behind the routes."""

    bundle: Bundle

    async def compare(self, request: CompareRequest, request_id: str) -> CompareAnswer:
        """Answer one comparison."""
        ...

    async def faces(self, request: FacesRequest, request_id: str) -> FacesAnswer:
        """Answer with all faces of one image."""
        ...

    async def ready(self) -> bool:
        """Whether every stage can answer."""
        ...


def create_app(service: Service) -> FastAPI:
    """Build the application over one service."""
    # The documentation page ships its own scripts: the service may have no access to a CDN.
    app = FastAPIOffline(
        redoc_url=None,
        title="faceage",
        version=faceage_core.__version__,
        description="Estimate ages of faces, and decide whether two photos show the same person.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        redirect_slashes=False,  # after a redirect, a client would send its photos again
    )
    add_error_handlers(app)

    @app.post(
        "/v1/compare",
        response_model=CompareAnswer,
        responses=openapi.responses(ErrorAnswer, picture=True),
        openapi_extra=openapi.compare_request(),
        summary="Compare two images",
    )
    async def compare(request: Request) -> Response:
        compared = await read_compare(request)
        if prefers_jpeg(request.headers.get("accept")):
            picture = await _picture(service, compared, request_id(request))
            return Response(picture, media_type="image/jpeg")
        answer = await service.compare(compared, request_id(request))
        return Response(answer.model_dump_json(), media_type="application/json")

    @app.post(
        "/v1/faces",
        response_model=FacesAnswer,
        responses=openapi.responses(ErrorAnswer),
        openapi_extra=openapi.faces_request(),
        summary="Find the faces of one image",
    )
    async def faces(request: Request) -> Response:
        answer = await service.faces(await read_faces(request), request_id(request))
        return Response(answer.model_dump_json(), media_type="application/json")

    @app.get("/v1/models", summary="List the running models and their cards")
    async def models() -> ModelsList:
        bundle = service.bundle
        return ModelsList(
            bundle=bundle.name,
            detector=bundle.detector,
            age=bundle.age,
            gender=bundle.gender,
            identity=bundle.identity,
        )

    @app.head("/healthz", include_in_schema=False)
    @app.get("/healthz", summary="Whether this process answers")
    async def healthz() -> Status:
        return Status(status="ok")

    @app.head("/readyz", include_in_schema=False)
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


async def _picture(service: Service, compared: CompareRequest, request_id: str) -> bytes:
    """The annotated picture; it shows every face, whatever the client's `include` is."""
    options = compared.options.model_copy(update={"include": frozenset({"photos"})})
    answer = await service.compare(replace(compared, options=options), request_id)
    return await asyncio.to_thread(
        annotate_comparison, answer, compared.image_1.data, compared.image_2.data
    )
