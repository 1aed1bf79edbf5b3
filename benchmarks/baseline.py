"""The baseline of the service benchmark: a simple script as in the original system.

facenet-pytorch's MTCNN detects the largest face of each photo, and two InceptionResnetV1 networks
in eager mode give its age and its embedding. The models are loaded once, PyTorch keeps its default
number of threads, and photos are processed one by one.
"""

from dataclasses import dataclass
from io import BytesIO

import torch
from facenet_pytorch import MTCNN
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity

from benchmarks.photos import Pair
from faceage_core.types import Box


@dataclass(frozen=True)
class BaselineFace:
    """The largest face of one photo.

    Attributes:
        box: in pixels of the photo.
        confidence: the probability of the detector, 0-1.
        age: in years.
        embedding: [1, D] float32.
    """

    box: Box
    confidence: float
    age: float
    embedding: Tensor


@dataclass(frozen=True)
class BaselineAnswer:
    """The result for a pair."""

    face_1: BaselineFace
    face_2: BaselineFace
    similarity: float


class BaselineScript:
    """Loads the models once; `compare` processes a pair."""

    def __init__(
        self, identity: nn.Module, age: nn.Module, *, size_px: int, margin_px: int
    ) -> None:
        self._mtcnn = MTCNN(image_size=size_px, margin=margin_px)
        self._identity = identity.eval()
        self._age = age.eval()

    def compare(self, pair: Pair) -> BaselineAnswer | None:
        """Compare a pair; None if a photo has no face."""
        face_1, face_2 = self._face(pair.image_1), self._face(pair.image_2)
        if face_1 is None or face_2 is None:
            return None
        similarity = cosine_similarity(face_1.embedding, face_2.embedding)
        return BaselineAnswer(face_1, face_2, float(similarity))

    def crop(self, photo: bytes) -> tuple[Tensor, Box, float] | None:
        """The largest face: normalised crop [1, 3, size, size] float32, box and probability."""
        image = Image.open(BytesIO(photo)).convert("RGB")
        boxes, probabilities = self._mtcnn.detect(image)  # sorted by size, the largest first
        if boxes is None:
            return None
        face = self._mtcnn.extract(image, boxes[:1], None)
        return face[None], Box(*boxes[0].tolist()), float(probabilities[0])

    def _face(self, photo: bytes) -> BaselineFace | None:
        found = self.crop(photo)
        if found is None:
            return None
        crop, box, confidence = found
        with torch.no_grad():
            embedding = self._identity(crop)
            probabilities = self._age(crop).age.softmax(dim=1)
        age = float((probabilities * torch.arange(probabilities.shape[1])).sum())
        return BaselineFace(box, confidence, age, embedding)
