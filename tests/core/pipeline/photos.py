"""The names of the sample photos, and helpers for answers."""

import hashlib
from io import BytesIO
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from faceage_core.cards.input import InputSpec
from faceage_core.detection.crops import cut
from faceage_core.images import decode
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer
from faceage_core.types import Box, Face

OBAMA = {"obama_2009.jpg", "obama_2010.jpg", "obama_2012.jpg"}
NAMES = sorted(OBAMA | {"biden_2010.jpg", "collins.png", "hopper_1984.jpg"})
QUICK = ("collins.png", "hopper_1984.jpg")  # the smaller photos


def picture(photo: NDArray[np.uint8] | Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image = photo if isinstance(photo, Image.Image) else Image.fromarray(photo)
    image.save(file, kind, **options)
    return file.getvalue()


BLANK = picture(np.full((200, 200, 3), 90, np.uint8), "PNG")


Answer = TypeVar("Answer", CompareAnswer, FacesAnswer)


def without_id(answer: Answer) -> Answer:
    return answer.model_copy(update={"request_id": ""})


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def crops_of(answer: FacesAnswer, photo: bytes, spec: InputSpec) -> NDArray[np.uint8]:
    """The crops of the faces of an answer that includes landmarks."""
    image = decode(photo)
    faces = [Face(Box(*face.bbox), face.landmarks or (), 1) for face in answer.image.faces]
    return np.stack([cut(image, face, spec.crop) for face in faces])
