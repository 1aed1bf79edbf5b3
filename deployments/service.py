"""The service behind the routes: the graph with a time limit, wherever its stages run."""

import asyncio

from pydantic import Field

from faceage_core.errors import Overloaded, Unavailable
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.graph import CompareRequest, FacesRequest, Graph
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer

READY_TIMEOUT_S = 2.0


class ServiceOptions(ModelOptions):
    """The models' options, and the service's own."""

    timeout_s: float = Field(default=60.0, gt=0, description="the longest time for one request")


class GraphService:
    """Answers each request of the routes within `timeout_s`, or raises TimeoutError."""

    def __init__(self, graph: Graph, *, timeout_s: float) -> None:
        self._graph = graph
        self._timeout_s = timeout_s
        self.bundle = graph.bundle

    async def compare(self, request: CompareRequest, request_id: str) -> CompareAnswer:
        """Answer one comparison."""
        async with asyncio.timeout(self._timeout_s):
            return await self._graph.compare(request, request_id)

    async def faces(self, request: FacesRequest, request_id: str) -> FacesAnswer:
        """Answer with all faces of one image."""
        async with asyncio.timeout(self._timeout_s):
            return await self._graph.faces(request, request_id)

    async def ready(self) -> bool:
        """Whether every stage answers within `READY_TIMEOUT_S`."""
        try:
            async with asyncio.timeout(READY_TIMEOUT_S):
                return await self._graph.ready()
        except (TimeoutError, Overloaded, Unavailable):
            return False
