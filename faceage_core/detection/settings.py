"""The settings of the detectors, and how a detector validates the settings in its card."""

from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError

from faceage_core.cards.base import StrictModel
from faceage_core.cards.model_card import DetectorCard
from faceage_core.errors import InvalidCheckpoint

SettingsT = TypeVar("SettingsT", bound=BaseModel)


class MtcnnSettings(StrictModel):
    """Settings of the cascade; the defaults are facenet-pytorch's, without a size limit."""

    min_face_px: int = Field(
        default=20, ge=12, description="the smallest face to find, in pixels of the searched photo"
    )
    min_face_share: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="the smallest face to find, relative to the photo's longer side, where that is "
        "more than min_face_px",
    )
    shared_canvas: bool = Field(
        default=False,
        description="put all levels of the pyramid on one canvas of a rounded size, which is "
        "faster; sides of levels are rounded to even numbers",
    )
    thresholds: tuple[float, float, float] = Field(
        default=(0.6, 0.7, 0.7), description="minimum scores of a candidate in the three stages"
    )
    factor: float = Field(
        default=0.709, gt=0, lt=1, description="scale between two levels of the pyramid"
    )
    max_side_px: int | None = Field(
        default=None,
        gt=0,
        description="a photo with a longer side is reduced by a whole number to at most this "
        "side, which limits time and memory",
    )
    max_candidates: int | None = Field(
        default=None,
        gt=0,
        description="how many candidates of the first stage, the best ones of a photo, go to the "
        "second stage; this limits time and memory too",
    )
    confident: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="faces below this probability are dropped if the photo shows one above it",
    )
    landmark_passes: int = Field(
        default=1,
        ge=1,
        description="how often the third network runs: each further pass starts from the boxes of "
        "the one before, so that landmarks depend less on the first candidates",
    )
    closeups: bool = Field(
        default=False,
        description="search a photo that is filled by a face, or without a detected face, a second "
        "time with a grey border, because the detector needs the surroundings of a face",
    )


class YunetSettings(StrictModel):
    """Settings of YuNet; the thresholds of overlap and of candidates are OpenCV's."""

    score_threshold: float = Field(default=0.7, gt=0, le=1, description="minimum score of a face")
    nms_threshold: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="a box is dropped if it overlaps a better one by more, as intersection over "
        "union",
    )
    min_face_px: int = Field(
        default=10, ge=0, description="the smallest face to find, in pixels of the searched photo"
    )
    max_side_px: int | None = Field(
        default=None,
        gt=0,
        description="a photo with a longer side is reduced to this size, which limits time and "
        "memory",
    )
    overview_side_px: int | None = Field(
        default=320,
        gt=0,
        description="a photo with a longer side is also searched at this size, for large faces, "
        "because the network does not find a face of many hundred pixels",
    )
    max_candidates: int = Field(
        default=5000,
        gt=0,
        description="how many candidates of a search, the best ones, are compared with each other; "
        "this limits time and memory too",
    )


def parse_settings(card: DetectorCard, schema: type[SettingsT]) -> SettingsT:
    """Validate the settings in a detector's card.

    Raises:
        InvalidCheckpoint: a setting is unknown or out of range; the message names it.
    """
    try:
        return schema.model_validate(card.settings)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, ("settings", *first["loc"])))
        raise InvalidCheckpoint(f"{card.name}: {place}: {first['msg']}") from None
