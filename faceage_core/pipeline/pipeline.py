"""The graph over stages in this process, with synchronous methods."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar
from uuid import uuid4

from faceage_core.errors import FaceageError, InvalidArgument
from faceage_core.images.sources import ImageSource, file_name, is_photo, load_image
from faceage_core.models.bundles import resolve
from faceage_core.models.download import Progress
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.batches import BatchedStages, answers_or_errors
from faceage_core.pipeline.graph import CompareRequest, FacesRequest, Graph, ImageFile
from faceage_core.pipeline.local import LocalStages
from faceage_core.pipeline.options import CompareOptions, FacesOptions, parse_options
from faceage_core.pipeline.response import resolve_threshold
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer
from faceage_core.pipeline.stages import STAGES, VERIFIER

Answer = TypeVar("Answer")
Item = TypeVar("Item")
Pair = tuple[ImageSource, ImageSource]

_BATCH = 8  # photos in memory at a time


class FacePipeline:
    """Faces and ages of photos; loads no identity model. Safe to call from several threads."""

    def __init__(self, options: ModelOptions = ModelOptions()) -> None:
        """Load the models.

        Args:
            options: which models, and where to run them.

        Raises:
            WeightsUnavailable, WeightsMismatch, InvalidCheckpoint: a model cannot be loaded.
        """
        self.bundle = resolve(options)
        stages = [stage for stage in STAGES.values() if stage is not VERIFIER]
        self._stages = LocalStages.load(self.bundle, options, stages=stages)
        self._graph = Graph(self._stages, self.bundle)

    def faces(self, image: ImageSource, *, name: str | None = None, **options: Any) -> FacesAnswer:
        """Find all faces of one photo and estimate their ages; see `Pipeline.faces`."""
        return _run(_faces(self._graph, image, name, parse_options(FacesOptions, options)))

    def faces_batch(
        self, images: Iterable[ImageSource], **options: Any
    ) -> Iterator[FacesAnswer | FaceageError]:
        """`faces` for many photos, in batches; see `Pipeline.faces_batch`."""
        return _faces_batch(self._stages, self._graph, images, parse_options(FacesOptions, options))


class Pipeline:
    """All stages of one bundle, loaded and warm. Safe to call from several threads.

    A photo is the path of a file (`str` or `os.PathLike`), the bytes of a file, a Pillow image of
    any mode, or a uint8 array: [H, W, 3] RGB, [H, W, 4] RGBA or [H, W] grey. Files and Pillow
    images are turned upright by their EXIF.

    Example:
        >>> pipeline = Pipeline()
        >>> answer = pipeline.compare("a.jpg", "b.jpg")
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
        self._stages = LocalStages.load(self.bundle, options, progress=progress)
        self._graph = Graph(self._stages, self.bundle)

    def faces(self, image: ImageSource, *, name: str | None = None, **options: Any) -> FacesAnswer:
        """Find all faces of one photo and estimate their ages; there may be none.

        Args:
            image: the photo.
            name: its name in the answer; None: the name of its file, or "image".
            **options: the fields of `FacesOptions`: include.

        Raises:
            UnreadableImage, UnsupportedFormat, ImageTooLarge: the photo cannot be used.
            InvalidArgument: an option or the type of the photo is not allowed.
        """
        return _run(_faces(self._graph, image, name, parse_options(FacesOptions, options)))

    def faces_batch(
        self, images: Iterable[ImageSource], **options: Any
    ) -> Iterator[FacesAnswer | FaceageError]:
        """`faces` for many photos, in batches of the stages.

        Photos are read when their batch is due: at most 8 are in memory at a time. Nothing is
        read before the first answer is requested.

        Args:
            images: the photos: a list, a generator, or an array [N, H, W, 3].
            **options: as for `faces`, for all photos.

        Returns:
            One value for each photo, in their order: its answer, or the error that `faces` would
            raise.

        Raises:
            InvalidArgument: `images` is a single photo, or an option is not allowed.
        """
        return _faces_batch(self._stages, self._graph, images, parse_options(FacesOptions, options))

    def compare(
        self,
        image_1: ImageSource,
        image_2: ImageSource,
        *,
        names: tuple[str, str] | None = None,
        **options: Any,
    ) -> CompareAnswer:
        """Estimate the ages in both photos, and decide whether they show the same person.

        Args:
            image_1: a photo.
            image_2: another photo.
            names: their names in the answer; None: the names of their files, or "image_1" and
                "image_2".
            **options: the fields of `CompareOptions`: faces, threshold, operating_point, include.

        Raises:
            NoFace: a photo shows no face; the error names the photo.
            UnreadableImage, UnsupportedFormat, ImageTooLarge: a photo cannot be used; the error
                names the photo.
            InvalidArgument: an option or the type of a photo is not allowed; the error names it.
        """
        parsed = parse_options(CompareOptions, options)
        return _run(_compare(self._graph, (image_1, image_2), names, parsed))

    def compare_batch(
        self, pairs: Iterable[Pair], **options: Any
    ) -> Iterator[CompareAnswer | FaceageError]:
        """`compare` for many pairs, in batches of the stages; memory as in `faces_batch`.

        Args:
            pairs: the pairs of photos.
            **options: as for `compare`, for all pairs.

        Returns:
            One value for each pair, in their order: its answer, or the error that `compare` would
            raise.

        Raises:
            InvalidArgument: an option is not allowed; or, with the answers, an item of `pairs` is
                not a tuple or list of two photos.
        """
        parsed = parse_options(CompareOptions, options)
        resolve_threshold(self.bundle, parsed)  # an invalid option is not an error of each pair
        return _in_batches(
            self._stages,
            self._graph,
            map(_require_pair, pairs),
            _BATCH // 2,
            lambda graph, pair: _compare(graph, pair, None, parsed),
        )


async def _faces(
    graph: Graph, image: ImageSource, name: str | None, options: FacesOptions
) -> FacesAnswer:
    return await graph.faces(FacesRequest(_named(image, "image", name), options), uuid4().hex)


async def _compare(
    graph: Graph, images: Pair, names: tuple[str, str] | None, options: CompareOptions
) -> CompareAnswer:
    name_1, name_2 = names or (None, None)
    request = CompareRequest(
        _named(images[0], "image_1", name_1), _named(images[1], "image_2", name_2), options
    )
    return await graph.compare(request, uuid4().hex)


def _named(source: ImageSource, field: str, name: str | None) -> ImageFile:
    data = load_image(source, field)
    return ImageFile((file_name(source) or field) if name is None else name, data)


def _faces_batch(
    stages: LocalStages, graph: Graph, images: Iterable[ImageSource], options: FacesOptions
) -> Iterator[FacesAnswer | FaceageError]:
    if is_photo(images):
        raise InvalidArgument("images must be several photos; use faces for one", field="images")
    return _in_batches(
        stages, graph, images, _BATCH, lambda batched, image: _faces(batched, image, None, options)
    )


def _require_pair(pair: Pair) -> Pair:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise InvalidArgument("pairs: each pair must be a tuple of two photos", field="pairs")
    return pair


def _in_batches(
    stages: LocalStages,
    graph: Graph,
    items: Iterable[Item],
    size: int,
    answer: Callable[[Graph, Item], Coroutine[Any, Any, Answer]],
) -> Iterator[Answer | FaceageError]:
    """Answer `size` items at a time; each batch needs an event loop, and stages, of its own."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        batched = Graph(BatchedStages(stages), graph.bundle)
        answers = _run(answers_or_errors(answer(batched, item) for item in batch))
        batch.clear()  # The photos are not needed while the caller uses the answers.
        yield from answers


def _run(answer: Coroutine[Any, Any, Answer]) -> Answer:
    """Wait for an answer, also inside a running event loop such as a notebook's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(answer)
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, answer).result()
