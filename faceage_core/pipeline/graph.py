"""The order in which the stages run: pure asynchronous code, independent of Ray and HTTP.

Both images go through the detector at the same time; then ages, embeddings and the fields of
additional stages are computed at the same time.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from faceage_core.errors import FaceageError
from faceage_core.images import ImageData
from faceage_core.models.bundles import Bundle
from faceage_core.pipeline.options import CompareOptions, FacesOptions
from faceage_core.pipeline.response import (
    ImageResult,
    candidate_faces,
    compare_answer,
    faces_answer,
    require_faces,
    resolve_threshold,
)
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer
from faceage_core.pipeline.stages import AGE, DETECTOR, VERIFIER, Crops, Stages, face_stages
from faceage_core.types import Detection


@dataclass(frozen=True)
class ImageFile:
    """An image, encoded or as upright pixels, and its name in the answer."""

    name: str
    data: ImageData


@dataclass(frozen=True)
class CompareRequest:
    """Two images to compare."""

    image_1: ImageFile
    image_2: ImageFile
    options: CompareOptions = CompareOptions()


@dataclass(frozen=True)
class FacesRequest:
    """One image in which to find all faces."""

    image: ImageFile
    options: FacesOptions = FacesOptions()


class Graph:
    """The composition of stages for one bundle."""

    def __init__(self, stages: Stages, bundle: Bundle) -> None:
        self._stages = stages
        self.bundle = bundle

    async def compare(self, request: CompareRequest, request_id: str) -> CompareAnswer:
        """Answer one comparison.

        Raises:
            FaceageError: naming the image or the option.
        """
        options = request.options
        threshold = resolve_threshold(self.bundle, options)
        results = await asyncio.gather(
            self._stages.run(DETECTOR, request.image_1.data),
            self._stages.run(DETECTOR, request.image_2.data),
        )
        # Both detections finish before either result is checked, so that the reported error does
        # not depend on timing.
        found_1 = _require_readable(results[0], "image_1")
        found_2 = _require_readable(results[1], "image_2")
        require_faces(found_1, "image_1")
        require_faces(found_2, "image_2")
        candidates = (
            candidate_faces(found_1, options.faces),
            candidate_faces(found_2, options.faces),
        )
        image_1, image_2, vectors_1, vectors_2 = await asyncio.gather(
            self._estimate(request.image_1.name, found_1),
            self._estimate(request.image_2.name, found_2),
            self._stages.run(VERIFIER, found_1.crops["identity"][candidates[0]]),
            self._stages.run(VERIFIER, found_2.crops["identity"][candidates[1]]),
        )
        return compare_answer(
            (image_1, image_2),
            candidates,
            (vectors_1, vectors_2),
            choice=options.faces,
            threshold=threshold,
            bundle=self.bundle,
            request_id=request_id,
        )

    async def faces(self, request: FacesRequest, request_id: str) -> FacesAnswer:
        """Answer with all faces of one image; there may be none.

        Raises:
            FaceageError: naming the image.
        """
        found = _require_readable(await self._stages.run(DETECTOR, request.image.data), "image")
        image = await self._estimate(request.image.name, found)
        return faces_answer(image, bundle=self.bundle, request_id=request_id)

    async def ready(self) -> bool:
        """Whether every stage can take requests."""
        return await self._stages.ready()

    async def _estimate(self, name: str, found: Detection) -> ImageResult:
        """Run the age stage, and the stages that add a field to each face."""
        crops: Crops = {role: rows for role, rows in found.crops.items() if role != "identity"}
        attributes, fields = await asyncio.gather(
            self._stages.run(AGE, crops), self._additional_fields(crops)
        )
        return ImageResult(name, found, attributes, fields)

    async def _additional_fields(self, crops: Crops) -> dict[str, list[Any]]:
        stages = face_stages()
        columns = await asyncio.gather(*(self._stages.run(stage, crops) for stage in stages))
        return {
            str(stage.face_field): column for stage, column in zip(stages, columns, strict=True)
        }


def _require_readable(found: Detection | FaceageError, field: str) -> Detection:
    if isinstance(found, FaceageError):
        raise found.with_field(field)
    return found
