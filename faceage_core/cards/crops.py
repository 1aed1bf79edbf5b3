"""Crop specifications: how a network wants faces cut out of a photo.

There are two kinds. `faceage_core.detection.crops` does the cutting.

- landmarks: the photo under the similarity transform (rotation, uniform scale, translation) that
  brings the five landmarks of the face closest to the positions in a template.
- box: the detector's box with a margin, stretched to a square, as facenet-pytorch cuts it. The
  published FaceNet weights were trained and measured on such crops.
"""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from faceage_core.cards.base import StrictModel
from faceage_core.types import Point

# Limits for a card; values beyond them would fail or exhaust the memory on every face.
MAX_SIZE_PX = 1024
MIN_EXTENT = 0.01
_DECIMALS = 6  # to which a widened template is rounded


class LandmarkCrop(StrictModel):
    """Where the landmarks of a face lie in the crops that a network was trained on."""

    kind: Literal["landmarks"] = "landmarks"
    size_px: int = Field(gt=0, le=MAX_SIZE_PX, description="width and height of the crop")
    template: tuple[Point, Point, Point, Point, Point] = Field(
        description="left eye, right eye, nose tip, left and right corner of the mouth, "
        "as fractions of the crop's side"
    )

    @model_validator(mode="after")
    def _check_extent(self) -> "LandmarkCrop":
        extent = np.ptp(np.array(self.template), axis=0).max()
        if not MIN_EXTENT <= extent <= 1 / MIN_EXTENT:
            raise ValueError(f"the landmarks span {extent:g} of the crop's side")
        return self

    def widened(self, factor: float) -> "LandmarkCrop":
        """The crop of the same size in pixels that shows `factor` times the side, same center."""

        def scaled(point: Point) -> Point:
            x, y = (round(0.5 + (value - 0.5) / factor, _DECIMALS) for value in point)
            return x, y

        one, two, three, four, five = map(scaled, self.template)
        return LandmarkCrop(size_px=self.size_px, template=(one, two, three, four, five))

    def share_of(self, wider: "LandmarkCrop") -> float | None:
        """This side as a fraction of a wider crop's side; None if not the center part of it."""
        own, other = np.array(self.template) - 0.5, np.array(wider.template) - 0.5
        factor = float(np.vdot(other, own) / np.vdot(other, other))
        deviation = np.abs(own - factor * other).max()
        rounding = 2 * 10.0**-_DECIMALS
        if factor < 1 - rounding or deviation > rounding:
            return None
        return 1 / max(factor, 1.0)


class BoxCrop(StrictModel):
    """The margin around the detector's box in the crops that a network was trained on."""

    kind: Literal["box"] = "box"
    size_px: int = Field(gt=0, le=MAX_SIZE_PX, description="width and height of the crop")
    margin_px: int = Field(ge=0, description="sum of both sides' margins, in pixels of the crop")

    @model_validator(mode="after")
    def _check_margin(self) -> "BoxCrop":
        if self.margin_px >= self.size_px:
            raise ValueError(f"margin_px must be < size_px, got {self.margin_px}")
        return self


CropSpec = Annotated[LandmarkCrop | BoxCrop, Field(discriminator="kind")]
