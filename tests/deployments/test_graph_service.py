"""The time limit of the service, and its readiness, over stages that do not answer."""

import asyncio
from typing import Any

import pytest

from deployments import service as service_module
from deployments.service import GraphService
from faceage_core.errors import Unavailable
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.graph import CompareRequest, FacesRequest, Graph, ImageFile

PHOTO = ImageFile("photo", b"x")


class SilentStages:
    """Never answers; notes what is cancelled."""

    def __init__(self) -> None:
        self.cancelled: list[str] = []

    async def run(self, stage: Any, request: Any) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.append(stage.name)
            raise

    async def ready(self) -> bool:
        await asyncio.Event().wait()
        return True


class LostStages(SilentStages):
    async def ready(self) -> bool:
        raise Unavailable


def over(stages: SilentStages) -> GraphService:
    return GraphService(Graph(stages, resolve(ModelOptions())), timeout_s=0.01)


def test_a_late_answer_raises_timeout_error_and_cancels_the_calls() -> None:
    stages = SilentStages()
    with pytest.raises(TimeoutError):
        asyncio.run(over(stages).compare(CompareRequest(PHOTO, PHOTO), "id"))
    with pytest.raises(TimeoutError):
        asyncio.run(over(stages).faces(FacesRequest(PHOTO), "id"))
    assert stages.cancelled == ["Detector"] * 3


@pytest.mark.parametrize("stages", [SilentStages(), LostStages()])
def test_a_stage_that_does_not_answer_is_not_ready(
    stages: SilentStages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "READY_TIMEOUT_S", 0.01)
    assert not asyncio.run(over(stages).ready())
