"""Two photos compared in this process, without a server."""

from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from faceage_core.errors import FaceageError
from faceage_core.models.bundles import resolve
from faceage_core.models.download import Progress
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.response import (
    Photo,
    candidate_faces,
    compare_answer,
    faces_answer,
    require_faces,
    resolve_threshold,
)
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer
from faceage_core.types import Detection, FaceChoice


class FacePipeline:
    """Detection and ages: what one photo shows. Safe to call from several threads."""

    def __init__(self, options: ModelOptions = ModelOptions()) -> None:
        """Load the models.

        Args:
            options: which models, and where to run them.

        Raises:
            WeightsUnavailable, WeightsMismatch, InvalidCheckpoint: a model cannot be used.
        """
        from faceage_core.pipeline import loading  # imports PyTorch

        self.bundle = resolve(options)
        self._detector = loading.load_detector(self.bundle, options)
        self._age = loading.load_age(self.bundle, options)

    def faces(self, image: bytes, *, name: str = "image") -> FacesAnswer:
        """All faces of one photo, perhaps none.

        Args:
            image: an encoded picture.
            name: what the answer calls it.

        Raises:
            UnreadableImage, UnsupportedFormat, ImageTooLarge: the photo cannot be used.
        """
        photo = self.photo(name, self.detect(image))
        return faces_answer(photo, bundle=self.bundle, request_id=uuid4().hex)

    def detect(self, image: bytes) -> Detection:
        """The first half of `faces`: where the faces are, and their crops."""
        (found,) = self._detector.detect([image])
        if isinstance(found, FaceageError):
            raise found
        return found

    def photo(self, name: str, detection: Detection) -> Photo:
        """The second half: how old they look."""
        return Photo(name, detection, self._age.estimate(detection.crops))


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
            progress: told of a download, if one is needed.

        Raises:
            WeightsUnavailable: weights are not here and could not be fetched.
            WeightsMismatch: weights are not the ones that their card names.
            InvalidCheckpoint: a given checkpoint cannot be used.
        """
        from faceage_core.pipeline import loading  # imports PyTorch

        self._faces = FacePipeline(options)
        self.bundle = self._faces.bundle
        self._embedder = loading.load_embedder(self.bundle, options, progress=progress)

    def faces(self, image: bytes, *, name: str = "image") -> FacesAnswer:
        """All faces of one photo; see `FacePipeline.faces`."""
        return self._faces.faces(image, name=name)

    def compare(
        self,
        image_1: bytes,
        image_2: bytes,
        *,
        names: tuple[str, str] = ("image_1", "image_2"),
        faces: FaceChoice = "largest",
        threshold: float | None = None,
        operating_point: str | None = None,
    ) -> CompareAnswer:
        """How old does each face look, and do both photos show the same person?

        Args:
            image_1: an encoded picture.
            image_2: likewise.
            names: what the answer calls them.
            faces: which face of each photo is meant: the largest, the one nearest the centre, or
                all, each compared with each.
            threshold: an explicit cosine similarity to decide by, -1..1.
            operating_point: a named threshold of the identity model's card, in its place.

        Raises:
            NoFace: naming the photo that shows none.
            UnreadableImage, UnsupportedFormat, ImageTooLarge: naming the photo.
            InvalidArgument: naming the argument.
        """
        decide_by = resolve_threshold(self.bundle, threshold, operating_point)
        found = self._detect(image_1, "image_1"), self._detect(image_2, "image_2")
        require_faces(found[0], "image_1")
        require_faces(found[1], "image_2")
        candidates = candidate_faces(found[0], faces), candidate_faces(found[1], faces)
        return compare_answer(
            (self._faces.photo(names[0], found[0]), self._faces.photo(names[1], found[1])),
            candidates,
            (self._embed(found[0], candidates[0]), self._embed(found[1], candidates[1])),
            choice=faces,
            threshold=decide_by,
            bundle=self.bundle,
            request_id=uuid4().hex,
        )

    def _detect(self, image: bytes, field: str) -> Detection:
        try:
            return self._faces.detect(image)
        except FaceageError as error:
            raise error.with_field(field) from None

    def _embed(self, detection: Detection, candidates: list[int]) -> NDArray[np.float32]:
        return self._embedder.embed(detection.crops["identity"][candidates])
