"""How the detector searches; the values that apply stand in its card."""

from pydantic import BaseModel, ConfigDict, Field


class DetectionSettings(BaseModel):
    """The cascade's settings; the defaults are facenet-pytorch's own, and search at full size."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_face_px: int = Field(
        default=20, ge=12, description="the smallest face looked for, in pixels as searched"
    )
    thresholds: tuple[float, float, float] = Field(
        default=(0.6, 0.7, 0.7), description="what a candidate must reach in each of the 3 stages"
    )
    factor: float = Field(
        default=0.709, gt=0, lt=1, description="from one size of the pyramid to the next"
    )
    max_side_px: int | None = Field(
        default=None,
        gt=0,
        description="a photo with a longer side is searched at this size, so that time and memory "
        "stay bounded",
    )
    max_candidates: int | None = Field(
        default=None,
        gt=0,
        description="how many of the first stage's candidates, the best of a photo, are looked at "
        "further; likewise",
    )
    confident: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="faces below this probability are dropped where the photo shows one above it",
    )
    closeups: bool = Field(
        default=False,
        description="search a photo that a face fills, or in which none is found, once more with a "
        "grey border, as the detector needs to see what surrounds a face",
    )
