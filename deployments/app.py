"""The application: an ingress over the three stages, built from one set of options.

`serve run deployments.app:build bundle=bundled`, a Serve config file and `faceage serve` all come
through `build`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import numpy as np
from fastapi import FastAPI
from numpy.typing import NDArray
from pydantic import Field
from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.config import BackpressureConfig
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from deployments.age import AgeEstimator
from deployments.detector import Detector
from deployments.hedging import Asker, result_of
from deployments.http.app import create_app
from deployments.verifier import Verifier
from faceage_core.errors import FaceageError, Overloaded, Unavailable
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.graph import CompareRequest, Crops, Graph, Upload
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer
from faceage_core.types import Attributes, Detection

READY_TIMEOUT_S = 2.0

Handle = DeploymentHandle[Any]


class AppArgs(ModelOptions):
    """The application's arguments: the models' options and what is the service's own."""

    timeout_s: float = Field(default=60.0, gt=0, description="that a request may take")
    patience_s: float = Field(
        default=5.0,
        gt=0,
        description="for which a stage may be silent before another replica of it is asked as well",
    )


class _Handles:
    """The three stages behind their handles."""

    def __init__(self, detector: Handle, age: Handle, verifier: Handle, asker: Asker) -> None:
        self._detector = detector
        self._age = age
        self._verifier = verifier
        self._asker = asker

    async def detect(self, photo: bytes) -> Detection | FaceageError:
        found: Detection | FaceageError = await self._asker.ask(self._detector.detect, photo)
        return found

    async def estimate(self, crops: Crops) -> list[Attributes]:
        attributes: list[Attributes] = await self._asker.ask(self._age.estimate, crops)
        return attributes

    async def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = await self._asker.ask(self._verifier.embed, crops)
        return vectors

    async def ready(self) -> bool:
        stages = (self._detector, self._age, self._verifier)
        return all(await asyncio.gather(*(result_of(stage.ready.remote()) for stage in stages)))


@serve.deployment(
    name="Ingress",
    ray_actor_options={"num_cpus": 0.5},
    autoscaling_config={"min_replicas": 1, "max_replicas": 8, "target_ongoing_requests": 32},
    # Each may hold a request's 30 MB, here and in the queue before it.
    max_ongoing_requests=64,
    max_queued_requests=128,
    backpressure_config=BackpressureConfig(status_code=503, retry_after_s=1),
)
@serve.ingress()
class Ingress:
    """Reads requests, asks the stages, writes answers. It loads no network."""

    def __init__(
        self,
        args: AppArgs,
        detector: Handle,
        age: Handle,
        verifier: Handle,
    ) -> None:
        self._stages = _Handles(detector, age, verifier, Asker(patience_s=args.patience_s))
        self._timeout_s = args.timeout_s
        self.bundle = resolve(args)
        self._graph = Graph(self._stages, self.bundle)

    def __serve_build_asgi_app__(self) -> FastAPI:
        return create_app(self)

    async def compare(self, request: CompareRequest, request_id: str) -> CompareAnswer:
        """Answer one comparison, within the time that a request may take."""
        async with _answered_within(self._timeout_s):
            return await self._graph.compare(request, request_id)

    async def faces(self, image: Upload, request_id: str) -> FacesAnswer:
        """Answer with all faces of one photo, likewise."""
        async with _answered_within(self._timeout_s):
            return await self._graph.faces(image, request_id)

    async def ready(self) -> bool:
        """Whether every stage answers soon."""
        try:
            async with _answered_within(READY_TIMEOUT_S):
                return await self._stages.ready()
        except (TimeoutError, Overloaded, Unavailable):
            return False


@asynccontextmanager
async def _answered_within(timeout_s: float) -> AsyncIterator[None]:
    """What the stages' handles raise, in the words of this project."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except BackPressureError:
        raise Overloaded from None
    except RayTaskError:
        raise  # a fault in our own code: logged, and answered without its details
    except (RayError, DeploymentUnavailableError):
        raise Unavailable from None


def build(args: AppArgs) -> serve.Application:
    """The application for these options.

    Raises:
        FaceageError: a checkpoint or a bundle's card cannot be used; found before anything starts.
    """
    resolve(args)
    stages = (_bound(stage, args) for stage in (Detector, AgeEstimator, Verifier))
    return _bound(Ingress, args, *stages)


def _bound(deployment: object, *args: object) -> serve.Application:
    # Ray's decorator turns the class into a Deployment, which type checkers do not see.
    return cast(serve.Deployment, deployment).bind(*args)
