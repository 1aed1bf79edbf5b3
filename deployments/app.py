"""The Serve application: an ingress over the stages, built from one set of options.

`serve run deployments.app:build bundle=bundled`, a Serve config file and `faceage serve` all use
`build`.
"""

from typing import cast

from fastapi import FastAPI
from pydantic import Field
from ray import serve
from ray.serve.config import BackpressureConfig

from deployments.hedging import HedgedCaller
from deployments.http.app import create_app
from deployments.limits import MAX_ONGOING_REQUESTS, MAX_QUEUED_REQUESTS
from deployments.service import GraphService, ServiceOptions
from deployments.stages import Handle, ServeStages, stage_application
from faceage_core.models.bundles import resolve
from faceage_core.pipeline.graph import Graph
from faceage_core.pipeline.stages import STAGES

INGRESS_CPUS = 0.5


class AppArgs(ServiceOptions):
    """The application's arguments: the service's options, and those of its Serve handles."""

    hedge_after_s: float = Field(
        default=5.0,
        gt=0,
        description="after this time a call to a stage is sent to another replica as well",
    )


@serve.deployment(
    name="Ingress",
    ray_actor_options={"num_cpus": INGRESS_CPUS},
    autoscaling_config={"min_replicas": 1, "max_replicas": 8, "target_ongoing_requests": 32},
    max_ongoing_requests=MAX_ONGOING_REQUESTS,
    max_queued_requests=MAX_QUEUED_REQUESTS,
    backpressure_config=BackpressureConfig(status_code=503, retry_after_s=1),
)
@serve.ingress()
class Ingress:
    """Reads requests, calls the stages, writes answers. It loads no model."""

    def __init__(self, args: AppArgs, stages: list[str], *handles: Handle) -> None:
        by_name = dict(zip(stages, handles, strict=True))
        caller = HedgedCaller(hedge_after_s=args.hedge_after_s)
        graph = Graph(ServeStages(by_name, caller), resolve(args))
        self._service = GraphService(graph, timeout_s=args.timeout_s)

    def __serve_build_asgi_app__(self) -> FastAPI:
        return create_app(self._service)


def build(args: AppArgs) -> serve.Application:
    """Build the application.

    Raises:
        FaceageError: a checkpoint or a card of the bundle is invalid; raised before any replica
            starts.
    """
    resolve(args)
    applications = [stage_application(stage, args) for stage in STAGES.values()]
    return cast(serve.Deployment, Ingress).bind(args, list(STAGES), *applications)
