"""How the stages are composed: pure asynchronous code that knows neither Ray nor HTTP.

The two photos are detected at the same time, then ages and embeddings are computed at the same
time.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from faceage_core.errors import FaceageError
from faceage_core.models.bundles import Bundle
from faceage_core.pipeline.response import (
    Photo,
    candidate_faces,
    compare_answer,
    faces_answer,
    require_faces,
    resolve_threshold,
)
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer
from faceage_core.types import Attributes, Detection, FaceChoice, Role

Crops = Mapping[Role, NDArray[np.uint8]]


class Stages(Protocol):
    """The three stages, wherever they run."""

    def detect(self, photo: bytes) -> Awaitable[Detection | FaceageError]:
        """Find the faces of one photo; a photo's own fault is a value, not an exception."""
        ...

    def estimate(self, crops: Crops) -> Awaitable[list[Attributes]]:
        """Estimate age and gender, one entry a face."""
        ...

    def embed(self, crops: NDArray[np.uint8]) -> Awaitable[NDArray[np.float32]]:
        """Embed faces: [N, D] float32 rows of length 1."""
        ...


@dataclass(frozen=True)
class Upload:
    """A photo as it was sent."""

    name: str
    data: bytes


@dataclass(frozen=True)
class CompareRequest:
    """What a comparison needs."""

    image_1: Upload
    image_2: Upload
    faces: FaceChoice
    threshold: float | None
    operating_point: str | None


class Graph:
    """The composition over one set of stages."""

    def __init__(self, stages: Stages, bundle: Bundle) -> None:
        self._stages = stages
        self.bundle = bundle

    async def compare(self, request: CompareRequest, request_id: str) -> CompareAnswer:
        """Answer one comparison.

        Raises:
            FaceageError: naming the photo or the option it is about.
        """
        threshold = resolve_threshold(self.bundle, request.threshold, request.operating_point)
        results = await asyncio.gather(
            self._stages.detect(request.image_1.data), self._stages.detect(request.image_2.data)
        )
        # Both are there before either is judged: whose error is told does not depend on timing.
        found_1, found_2 = _readable(results[0], "image_1"), _readable(results[1], "image_2")
        require_faces(found_1, "image_1")
        require_faces(found_2, "image_2")
        candidates = (
            candidate_faces(found_1, request.faces),
            candidate_faces(found_2, request.faces),
        )
        attributes_1, attributes_2, vectors_1, vectors_2 = await asyncio.gather(
            self._estimate(found_1),
            self._estimate(found_2),
            self._stages.embed(found_1.crops["identity"][candidates[0]]),
            self._stages.embed(found_2.crops["identity"][candidates[1]]),
        )
        return compare_answer(
            (
                Photo(request.image_1.name, found_1, attributes_1),
                Photo(request.image_2.name, found_2, attributes_2),
            ),
            candidates,
            (vectors_1, vectors_2),
            choice=request.faces,
            threshold=threshold,
            bundle=self.bundle,
            request_id=request_id,
        )

    async def faces(self, image: Upload, request_id: str) -> FacesAnswer:
        """Answer with all faces of one photo.

        Raises:
            FaceageError: naming the photo.
        """
        found = _readable(await self._stages.detect(image.data), "image")
        photo = Photo(image.name, found, await self._estimate(found))
        return faces_answer(photo, bundle=self.bundle, request_id=request_id)

    async def _estimate(self, found: Detection) -> list[Attributes]:
        crops: Crops = {role: rows for role, rows in found.crops.items() if role != "identity"}
        return await self._stages.estimate(crops)


def _readable(found: Detection | FaceageError, field: str) -> Detection:
    if isinstance(found, FaceageError):
        raise found.with_field(field)
    return found
