"""The definition of a stage, and the protocol of the code that runs stages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from faceage_core.models.bundles import Bundle
from faceage_core.models.download import Progress
from faceage_core.models.options import ModelOptions
from faceage_core.types import Role

Request = TypeVar("Request")
Result = TypeVar("Result")

Crops = Mapping[Role, NDArray[np.uint8]]
"""Faces by role: [N, size, size, 3] uint8 RGB each, in the same order."""

RunBatch = Callable[[list[Request]], list[Result]]
"""Blocking and thread-safe: one result for each request, in the same order."""


@dataclass(frozen=True)
class Scaling:
    """How a stage scales in the service.

    Attributes:
        max_batch_size: the most requests in one call of `RunBatch`.
        target_ongoing_requests: requests in progress on a replica, above which one is added.
        max_ongoing_requests: the most requests a replica accepts; the rest wait at the caller.
        max_queued_requests: the most requests that wait at one caller; the rest are refused.
        max_replicas: the most replicas.
        num_cpus: logical CPUs that a replica reserves.
    """

    max_batch_size: int
    target_ongoing_requests: int
    max_ongoing_requests: int = 64
    max_queued_requests: int = 256
    max_replicas: int = 16
    num_cpus: float = 1


@dataclass(frozen=True)
class Stage(Generic[Request, Result]):
    """One step of the pipeline.

    Attributes:
        name: of its deployment in the service.
        load: loads and warms the stage's model. It imports heavy packages when it is called: the
            ingress of the service imports this module, but loads no model.
        scaling: see `Scaling`.
        face_field: for a stage that takes the crops of the faces and returns one JSON value for
            each face: the name of the answer's field for this value.
    """

    name: str
    load: Callable[[Bundle, ModelOptions, Progress | None], RunBatch[Request, Result]]
    scaling: Scaling
    face_field: str | None = None


class Stages(Protocol):
    """All stages, wherever they run."""

    async def run(self, stage: Stage[Request, Result], request: Request) -> Result:
        """Run one request of one stage."""
        ...

    async def ready(self) -> bool:
        """Whether every stage can take requests."""
        ...


def join_crops(requests: list[Any]) -> NDArray[np.uint8]:
    """The crops of several images or requests: [N1 + N2 + ..., size, size, 3] uint8 RGB."""
    return requests[0] if len(requests) == 1 else np.concatenate(requests)


def join_faces(requests: list[Crops]) -> Crops:
    """The faces of several images or requests as one batch for each role."""
    return {role: join_crops([crops[role] for crops in requests]) for role in requests[0]}


def split_rows(rows: Any, counts: list[int]) -> list[Any]:
    """The inverse of joining for results: `counts` rows for each image or request, in order.

    Raises:
        ValueError: the number of rows differs from the sum of `counts`.
    """
    if len(rows) != sum(counts):
        raise ValueError(f"a stage must return {sum(counts)} rows, got {len(rows)}")
    ends = np.cumsum(counts)
    return [rows[end - count : end] for end, count in zip(ends, counts, strict=True)]
