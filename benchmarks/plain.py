"""The plain script of the original system: what the service is measured against.

facenet-pytorch's MTCNN takes each photo's largest face, and two eager InceptionResnetV1 networks
tell its age and its identity. Models are loaded once, PyTorch keeps its default threads, and one
photo comes after another.
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
class PlainFace:
    """What the script finds out about one photo's largest face."""

    box: Box
    confidence: float
    age: float
    embedding: Tensor


@dataclass(frozen=True)
class PlainAnswer:
    """What it finds out about a pair."""

    face_1: PlainFace
    face_2: PlainFace
    similarity: float


class PlainScript:
    """Loaded once, then `compare` for each pair."""

    def __init__(
        self, identity: nn.Module, age: nn.Module, *, size_px: int, margin_px: int
    ) -> None:
        self._mtcnn = MTCNN(image_size=size_px, margin=margin_px)
        self._identity = identity.eval()
        self._age = age.eval()

    def compare(self, pair: Pair) -> PlainAnswer | None:
        """Both photos' faces; None where one shows none."""
        face_1, face_2 = self._face(pair.image_1), self._face(pair.image_2)
        if face_1 is None or face_2 is None:
            return None
        similarity = cosine_similarity(face_1.embedding, face_2.embedding)
        return PlainAnswer(face_1, face_2, float(similarity))

    def crop(self, photo: bytes) -> tuple[Tensor, Box, float] | None:
        """The largest face as the networks see it, [1, 3, size, size]; its box and probability."""
        image = Image.open(BytesIO(photo)).convert("RGB")
        boxes, probabilities = self._mtcnn.detect(image)  # the largest comes first
        if boxes is None:
            return None
        face = self._mtcnn.extract(image, boxes[:1], None)
        return face[None], Box(*boxes[0].tolist()), float(probabilities[0])

    def _face(self, photo: bytes) -> PlainFace | None:
        found = self.crop(photo)
        if found is None:
            return None
        crop, box, confidence = found
        with torch.no_grad():
            embedding = self._identity(crop)
            probabilities = self._age(crop).age.softmax(dim=1)
        age = float((probabilities * torch.arange(probabilities.shape[1])).sum())
        return PlainFace(box, confidence, age, embedding)
