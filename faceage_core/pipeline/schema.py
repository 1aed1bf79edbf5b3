"""The schema of answers, the same in the library, in the CLI's JSON and over HTTP.

`image_1`, `image_2`, `face_1`, `face_2`, `verification` and their fields are the core and do not
change. Coordinates are pixels of the upright photo.

An answer is small unless its caller asks for more. The option `include` names the fields to add:
`age_distribution` and `landmarks` of each face, and `photos` with all faces of both photos. A field
that was not asked for is null. `detections` always states how many faces each photo has.
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from faceage_core.types import Gender

Pixel = Annotated[float, Field(description="pixels of the upright photo")]
Years = Annotated[float, Field(ge=0)]
Similarity = Annotated[float, Field(ge=-1, le=1, description="cosine of two embeddings")]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AgeDistributionAnswer(_Answer):
    """The whole age distribution."""

    ages_years: tuple[float, ...] = Field(description="the age that each bin stands for")
    probabilities: tuple[float, ...] = Field(description="one for each bin; they sum to 1")


class GenderAnswer(_Answer):
    """The output of a two-class network for a face; not a statement about a person's gender."""

    label: Gender
    probability: float = Field(ge=0, le=1)


class FaceAnswer(_Answer):
    """One face and its estimates; additional stages of a service may add fields."""

    model_config = ConfigDict(extra="allow")

    index: int = Field(description="index in the photo's list of faces, largest first")
    age_prediction: Years = Field(description="apparent age in years: the distribution's mean")
    age_std: Years = Field(description="the distribution's standard deviation, in years")
    age_interval_80: tuple[Years, Years] = Field(
        description="the central interval with 80 % of the distribution, in years"
    )
    age_distribution: AgeDistributionAnswer | None = Field(
        description="null unless include has age_distribution"
    )
    gender: GenderAnswer | None = Field(description="null if no loaded model estimates it")
    bbox: tuple[Pixel, Pixel, Pixel, Pixel] = Field(description="x1, y1, x2, y2, within the photo")
    landmarks: tuple[tuple[Pixel, Pixel], ...] | None = Field(
        description="left eye, right eye, nose tip, left and right corner of the mouth, as seen; "
        "null unless include has landmarks"
    )
    detection_confidence: float = Field(ge=0, le=1)


class PhotoAnswer(_Answer):
    """One photo and all its faces."""

    name: str
    width: int
    height: int
    faces: tuple[FaceAnswer, ...]


class PhotosAnswer(_Answer):
    """Both photos of a comparison with all their faces."""

    image_1: PhotoAnswer
    image_2: PhotoAnswer


class DetectionAnswer(_Answer):
    """The size of a photo and the number of its faces."""

    width: int
    height: int
    face_count: int


class DetectionsAnswer(_Answer):
    """The detections in both photos of a comparison."""

    image_1: DetectionAnswer
    image_2: DetectionAnswer


class VerificationAnswer(_Answer):
    """Whether `face_1` and `face_2` show the same person."""

    is_match: bool = Field(description="similarity_score >= threshold_used")
    similarity_score: Similarity
    threshold_used: Similarity
    operating_point: str | None = Field(
        description="the named threshold of the model's card; null for an explicit threshold"
    )


class PairAnswer(_Answer):
    """A pair of the best one-to-one assignment."""

    face_1: int = Field(description="index in the faces of image_1, see photos")
    face_2: int = Field(description="index in the faces of image_2, see photos")
    similarity_score: Similarity
    is_match: bool


class MatchingAnswer(_Answer):
    """Similarities of all faces of one photo with all faces of the other."""

    similarity_matrix: tuple[tuple[Similarity, ...], ...] = Field(
        description="a row for each face of image_1, a column for each of image_2"
    )
    assignment: tuple[PairAnswer, ...] = Field(
        description="the one-to-one assignment with the highest total similarity, best pair first"
    )


class ModelAnswer(_Answer):
    """A model that produced a part of the answer."""

    name: str
    version: str
    license: str


class ModelsAnswer(_Answer):
    """The models that produced the answer."""

    bundle: str
    detector: ModelAnswer
    age: ModelAnswer
    gender: ModelAnswer | None
    identity: ModelAnswer | None = Field(description="null if no faces were compared")


class WarningAnswer(_Answer):
    """A reason to trust the answer less."""

    code: Literal[
        "several_faces",
        "faces_left_out",
        "child_face",
        "age_gap",
        "low_detection_confidence",
        "small_face",
        "age_model_of_other_bundle",
        "threshold_not_measured",
    ]
    message: str
    image: Literal["image_1", "image_2", "image"] | None = None


class FacesAnswer(_Answer):
    """All faces of one photo."""

    request_id: str
    image: PhotoAnswer
    models: ModelsAnswer
    warnings: tuple[WarningAnswer, ...]


class CompareAnswer(_Answer):
    """Two photos: how old each face looks, and whether both show the same person.

    With `faces=all`, `face_1` and `face_2` are the most similar pair of the assignment.
    """

    request_id: str
    image_1: str = Field(description="the first photo's name, as the caller gave it")
    image_2: str
    face_1: FaceAnswer
    face_2: FaceAnswer
    verification: VerificationAnswer
    matching: MatchingAnswer | None = Field(description="null unless faces=all")
    detections: DetectionsAnswer
    photos: PhotosAnswer | None = Field(description="null unless include has photos")
    models: ModelsAnswer
    warnings: tuple[WarningAnswer, ...]


def readable_json(answer: CompareAnswer | FacesAnswer) -> str:
    """The answer's JSON for people: indented, with each list of plain numbers on one line."""
    # A line break cannot be part of a string: JSON writes it there as \n.
    return re.sub(
        r"\[\n\s*([-\d.,e\s]+?)\n\s*\]",
        lambda numbers: "[" + re.sub(r"\s+", " ", numbers[1]) + "]",
        answer.model_dump_json(indent=2),
    )
