"""The Serve application: an ingress over the stages, built from one set of options.

`serve run deployments.app:build bundle=bundled`, a Serve config file and `faceage serve` all use
`build`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from fastapi import FastAPI
from pydantic import Field
from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.config import BackpressureConfig
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from deployments.hedging import HedgedCaller
from deployments.http.app import create_app
from deployments.stages import Handle, ServeStages, stage_application
from faceage_core.errors import Overloaded, Unavailable
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.graph import CompareRequest, FacesRequest, Graph
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer
from faceage_core.pipeline.stages import STAGES

READY_TIMEOUT_S = 2.0
INGRESS_CPUS = 0.5


class AppArgs(ModelOptions):
    """The application's arguments: the models' options, and the service's own."""

    timeout_s: float = Field(default=60.0, gt=0, description="the longest time for one request")
    hedge_after_s: float = Field(
        default=5.0,
        gt=0,
        description="after this time a call to a stage is sent to another replica as well",
    )


@serve.deployment(
    name="Ingress",
    ray_actor_options={"num_cpus": INGRESS_CPUS},
    autoscaling_config={"min_replicas": 1, "max_replicas": 8, "target_ongoing_requests": 32},
    # Each request may hold 30 MB, here and in the queue before it.
    max_ongoing_requests=64,
    max_queued_requests=128,
    backpressure_config=BackpressureConfig(status_code=503, retry_after_s=1),
)
@serve.ingress()
class Ingress:
    """Reads requests, calls the stages, writes answers. It loads no model."""

    def __init__(self, args: AppArgs, stages: list[str], *handles: Handle) -> None:
        self._timeout_s = args.timeout_s
        self.bundle = resolve(args)
        by_name = dict(zip(stages, handles, strict=True))
        caller = HedgedCaller(hedge_after_s=args.hedge_after_s)
        self._graph = Graph(ServeStages(by_name, caller), self.bundle)

    def __serve_build_asgi_app__(self) -> FastAPI:
        return create_app(self)

    async def compare(self, request: CompareRequest, request_id: str) -> CompareAnswer:
        """Answer one comparison within `timeout_s`."""
        async with _answer_within(self._timeout_s):
            return await self._graph.compare(request, request_id)

    async def faces(self, request: FacesRequest, request_id: str) -> FacesAnswer:
        """Answer with all faces of one image within `timeout_s`."""
        async with _answer_within(self._timeout_s):
            return await self._graph.faces(request, request_id)

    async def ready(self) -> bool:
        """Whether every stage answers within `READY_TIMEOUT_S`."""
        try:
            async with _answer_within(READY_TIMEOUT_S):
                return await self._graph.ready()
        except (TimeoutError, Overloaded, Unavailable):
            return False


@asynccontextmanager
async def _answer_within(timeout_s: float) -> AsyncIterator[None]:
    """Limit the time, and translate the errors of Serve's handles."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except BackPressureError:
        raise Overloaded from None
    except RayTaskError:
        raise  # a bug in our code: logged, and answered without details
    except (RayError, DeploymentUnavailableError):
        raise Unavailable from None


def build(args: AppArgs) -> serve.Application:
    """Build the application.

    Raises:
        FaceageError: a checkpoint or a card of the bundle is invalid; raised before any replica
            starts.
    """
    resolve(args)
    applications = [stage_application(stage, args) for stage in STAGES.values()]
    return cast(serve.Deployment, Ingress).bind(args, list(STAGES), *applications)
