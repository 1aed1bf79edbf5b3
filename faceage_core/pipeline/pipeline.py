"""The graph over stages in this process, with synchronous methods."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from uuid import uuid4

from faceage_core.models.bundles import resolve
from faceage_core.models.download import Progress
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.graph import CompareRequest, FacesRequest, Graph, ImageFile
from faceage_core.pipeline.local import LocalStages
from faceage_core.pipeline.options import CompareOptions, parse_options
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer
from faceage_core.pipeline.stages import STAGES, VERIFIER

Answer = TypeVar("Answer")


class FacePipeline:
    """Faces and ages of one image; loads no identity model. Safe to call from several threads."""

    def __init__(self, options: ModelOptions = ModelOptions()) -> None:
        """Load the models.

        Args:
            options: which models, and where to run them.

        Raises:
            WeightsUnavailable, WeightsMismatch, InvalidCheckpoint: a model cannot be loaded.
        """
        self.bundle = resolve(options)
        stages = [stage for stage in STAGES.values() if stage is not VERIFIER]
        self._graph = Graph(LocalStages.load(self.bundle, options, stages=stages), self.bundle)

    def faces(self, image: bytes, *, name: str = "image") -> FacesAnswer:
        """Find all faces of one image and estimate their ages; see `Pipeline.faces`."""
        return _faces(self._graph, image, name)


class Pipeline:
    """All stages of one bundle, loaded and warm. Safe to call from several threads.

    Example:
        >>> pipeline = Pipeline()
        >>> answer = pipeline.compare(Path("a.jpg").read_bytes(), Path("b.jpg").read_bytes())
        >>> answer.face_1.age_prediction, answer.verification.is_match
    """

    def __init__(
        self, options: ModelOptions = ModelOptions(), *, progress: Progress | None = None
    ) -> None:
        """Load the models.

        Args:
            options: which models, and where to run them.
            progress: called during a download.

        Raises:
            WeightsUnavailable: weights are missing and could not be downloaded.
            WeightsMismatch: weights are not the ones that their card names.
            InvalidCheckpoint: a given checkpoint cannot be used.
        """
        self.bundle = resolve(options)
        stages = LocalStages.load(self.bundle, options, progress=progress)
        self._graph = Graph(stages, self.bundle)

    def faces(self, image: bytes, *, name: str = "image") -> FacesAnswer:
        """Find all faces of one image and estimate their ages; there may be none.

        Args:
            image: an encoded image (JPEG, PNG, ...).
            name: its name in the answer.

        Raises:
            UnreadableImage, UnsupportedFormat, ImageTooLarge: the image cannot be used.
        """
        return _faces(self._graph, image, name)

    def compare(
        self,
        image_1: bytes,
        image_2: bytes,
        *,
        names: tuple[str, str] = ("image_1", "image_2"),
        **options: Any,
    ) -> CompareAnswer:
        """Estimate the ages in both images, and decide whether they show the same person.

        Args:
            image_1: an encoded image (JPEG, PNG, ...).
            image_2: another encoded image.
            names: their names in the answer.
            **options: the fields of `CompareOptions`: faces, threshold, operating_point.

        Raises:
            NoFace: an image shows no face; the error names the image.
            UnreadableImage, UnsupportedFormat, ImageTooLarge: an image cannot be used; the error
                names the image.
            InvalidArgument: an option is not allowed; the error names the option.
        """
        request = CompareRequest(
            ImageFile(names[0], image_1),
            ImageFile(names[1], image_2),
            parse_options(CompareOptions, options),
        )
        return _run(self._graph.compare(request, uuid4().hex))


def _faces(graph: Graph, image: bytes, name: str) -> FacesAnswer:
    return _run(graph.faces(FacesRequest(ImageFile(name, image)), uuid4().hex))


def _run(answer: Coroutine[Any, Any, Answer]) -> Answer:
    """Wait for an answer, also inside a running event loop such as a notebook's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(answer)
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, answer).result()
