"""The order in which the stages run: pure asynchronous code, independent of Ray and HTTP.

Both images go through the detector at the same time. Then ages, embeddings and the fields of
additional stages are computed at the same time, each in one call for the faces of both images.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
from faceage_core.pipeline.stages.stage import join_crops, join_faces, split_rows
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
        crops_1, crops_2 = found_1.crops["identity"], found_2.crops["identity"]
        (image_1, image_2), (vectors_1, vectors_2) = await asyncio.gather(
            self._estimate([request.image_1.name, request.image_2.name], [found_1, found_2]),
            self._embed([crops_1[candidates[0]], crops_2[candidates[1]]]),
        )
        return compare_answer(
            (image_1, image_2),
            candidates,
            (vectors_1, vectors_2),
            choice=options.faces,
            include=options.include,
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
        (image,) = await self._estimate([request.image.name], [found])
        include = request.options.include
        return faces_answer(image, include=include, bundle=self.bundle, request_id=request_id)

    async def ready(self) -> bool:
        """Whether every stage can take requests."""
        return await self._stages.ready()

    async def _embed(self, crops: list[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """Run the verifier stage once for the chosen faces of all images."""
        vectors = await self._stages.run(VERIFIER, join_crops(crops))
        return split_rows(vectors, [len(rows) for rows in crops])

    async def _estimate(self, names: list[str], found: list[Detection]) -> list[ImageResult]:
        """Run the age stage, and the stages that add a field, once for the faces of all images."""
        crops = join_faces([_without_identity(detection.crops) for detection in found])
        attributes, fields = await asyncio.gather(
            self._stages.run(AGE, crops), self._additional_fields(crops)
        )
        counts = [len(detection.faces) for detection in found]
        rows = split_rows(attributes, counts)
        columns = {name: split_rows(column, counts) for name, column in fields.items()}
        return [
            ImageResult(
                name, detection, rows[i], {field: column[i] for field, column in columns.items()}
            )
            for i, (name, detection) in enumerate(zip(names, found, strict=True))
        ]

    async def _additional_fields(self, crops: Crops) -> dict[str, list[Any]]:
        stages = face_stages()
        columns = await asyncio.gather(*(self._stages.run(stage, crops) for stage in stages))
        return {
            str(stage.face_field): column for stage, column in zip(stages, columns, strict=True)
        }


def _without_identity(crops: Crops) -> Crops:
    return {role: rows for role, rows in crops.items() if role != "identity"}


def _require_readable(found: Detection | FaceageError, field: str) -> Detection:
    if isinstance(found, FaceageError):
        raise found.with_field(field)
    return found
