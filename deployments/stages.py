"""The stages as Ray Serve deployments: one class for all, with its batching and autoscaling."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from ray import serve
from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle

from deployments.hedging import HedgedCaller, result_of
from faceage_core.errors import Overloaded, Unavailable
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.stages import Stage
from faceage_core.pipeline.stages.stage import Request, Result

Handle = DeploymentHandle[Any]

BATCH_WAIT_S = 0.001


@serve.deployment
class StageReplica:
    """A replica of one stage. It starts with the model loaded and warm."""

    def __init__(self, stage: Stage[Any, Any], options: ModelOptions) -> None:
        self.run.set_max_batch_size(stage.scaling.max_batch_size)  # type: ignore[attr-defined]
        self._run_batch = stage.load(resolve(options), options, None)

    @serve.batch(batch_wait_timeout_s=BATCH_WAIT_S)
    async def run(self, requests: list[Any]) -> list[Any]:
        """Run the requests of several callers in one call of the model, off the event loop."""
        return await asyncio.to_thread(self._run_batch, requests)

    async def ready(self) -> bool:
        """Answer once the model is loaded."""
        return True


class ServeStages:
    """The stages behind their Serve handles; raises the errors of the handles as this project's."""

    def __init__(self, handles: dict[str, Handle], caller: HedgedCaller) -> None:
        self._handles = handles
        self._caller = caller

    async def run(self, stage: Stage[Request, Result], request: Request) -> Result:
        with translated_errors():
            result: Result = await self._caller.call(self._handles[stage.name].run, request)
        return result

    async def ready(self) -> bool:
        answers = (result_of(handle.ready.remote()) for handle in self._handles.values())
        with translated_errors():
            return all(await asyncio.gather(*answers))


@contextmanager
def translated_errors() -> Iterator[None]:
    """Translate the errors of Serve's handles.

    Raises:
        Overloaded: the queue of a stage is full.
        Unavailable: a replica is lost, or does not run.
    """
    try:
        yield
    except BackPressureError:
        raise Overloaded from None
    except RayTaskError:
        raise  # a bug in our code: logged, and answered without details
    except (RayError, DeploymentUnavailableError):
        raise Unavailable from None


def stage_application(stage: Stage[Any, Any], options: ModelOptions) -> serve.Application:
    """The deployment of a stage, with the stage's scaling."""
    scaling = stage.scaling
    # Ray's decorator turns the class into a Deployment, which type checkers do not see.
    deployment = cast(serve.Deployment, StageReplica).options(
        name=stage.name,
        ray_actor_options={"num_cpus": scaling.num_cpus},
        autoscaling_config={
            "min_replicas": 1,
            "max_replicas": scaling.max_replicas,
            "target_ongoing_requests": scaling.target_ongoing_requests,
        },
        max_ongoing_requests=scaling.max_ongoing_requests,
        max_queued_requests=scaling.max_queued_requests,
    )
    return deployment.bind(stage, options)
