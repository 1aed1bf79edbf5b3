"""From a found face to the picture that a network sees: one definition for training and serving.

Which crop belongs to a network stands in the network's card. There are two kinds:

- landmarks: the photo under the similarity transform (turn, scale, shift; no stretch) that brings
  the face's five landmarks as near as possible to the places that a template names.
- box: the detector's box with a margin, stretched to a square, as facenet-pytorch cuts it; the
  published FaceNet weights were trained and measured so.
"""

import math
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field, model_validator

from faceage_core.types import Box, Face, Point

# What a card may ask for: beyond, it is damaged, and would fail or fill the memory on every face.
MAX_SIZE_PX = 1024
MIN_EXTENT = 0.01
_PLACES = 6  # to which a widened template is rounded


class LandmarkCrop(BaseModel):
    """Where a face's landmarks lie in the crop that a network was trained on."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    kind: Literal["landmarks"] = "landmarks"
    size_px: int = Field(gt=0, le=MAX_SIZE_PX, description="width and height of the crop")
    template: tuple[Point, Point, Point, Point, Point] = Field(
        description="left eye, right eye, nose tip, left and right corner of the mouth, "
        "as fractions of the crop's side"
    )

    @model_validator(mode="after")
    def _spread_out(self) -> "LandmarkCrop":
        extent = np.ptp(np.array(self.template), axis=0).max()
        if not MIN_EXTENT <= extent <= 1 / MIN_EXTENT:
            raise ValueError(f"the landmarks span {extent:g} of the crop's side")
        return self

    def widened(self, by: float) -> "LandmarkCrop":
        """The same number of pixels for so many times the side, about the same middle."""

        def moved(point: Point) -> Point:
            x, y = (round(0.5 + (value - 0.5) / by, _PLACES) for value in point)
            return x, y

        one, two, three, four, five = map(moved, self.template)
        return LandmarkCrop(size_px=self.size_px, template=(one, two, three, four, five))

    def share_of(self, wider: "LandmarkCrop") -> float | None:
        """How much of a wider crop's side this one takes; None if it is no middle part of it."""
        own, other = np.array(self.template) - 0.5, np.array(wider.template) - 0.5
        times = float(np.vdot(other, own) / np.vdot(other, other))
        apart = np.abs(own - times * other).max()
        rounding = 2 * 10.0**-_PLACES
        return 1 / max(times, 1.0) if times >= 1 - rounding and apart <= rounding else None


class BoxCrop(BaseModel):
    """How much of the photo round the detector's box a network was trained on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["box"] = "box"
    size_px: int = Field(gt=0, le=MAX_SIZE_PX, description="width and height of the crop")
    margin_px: int = Field(ge=0, description="both sides' margin together, in pixels of the crop")

    @model_validator(mode="after")
    def _margin_fits(self) -> "BoxCrop":
        if self.margin_px >= self.size_px:
            raise ValueError(f"margin_px must be < size_px, got {self.margin_px}")
        return self


CropSpec = Annotated[LandmarkCrop | BoxCrop, Field(discriminator="kind")]


def cut(image: NDArray[np.uint8], face: Face, spec: CropSpec) -> NDArray[np.uint8]:
    """Cut one face out of a photo at the size a network expects.

    Args:
        image: [H, W, 3] uint8 RGB, the upright photo.
        face: in pixels of the photo.
        spec: from the network's card.

    Returns:
        [size, size, 3] uint8 RGB; black where a landmark crop reaches beyond the photo.
    """
    if isinstance(spec, LandmarkCrop):
        return _cut_landmarks(image, face.landmarks, spec)
    return _cut_box(image, face.box, spec)


def _cut_box(image: NDArray[np.uint8], box: Box, spec: BoxCrop) -> NDArray[np.uint8]:
    """facenet-pytorch's extract_face, to the byte."""
    height, width = image.shape[:2]
    grow = spec.margin_px / (spec.size_px - spec.margin_px) / 2
    left, top = int(max(box.x1 - grow * box.width, 0)), int(max(box.y1 - grow * box.height, 0))
    right = int(min(box.x2 + grow * box.width, width))
    bottom = int(min(box.y2 + grow * box.height, height))
    if right <= left or bottom <= top:
        return np.zeros((spec.size_px, spec.size_px, 3), dtype=np.uint8)
    region = Image.fromarray(np.ascontiguousarray(image[top:bottom, left:right]))
    return np.asarray(region.resize((spec.size_px, spec.size_px), Image.Resampling.BILINEAR))


def _cut_landmarks(
    image: NDArray[np.uint8], landmarks: tuple[Point, ...], spec: LandmarkCrop
) -> NDArray[np.uint8]:
    turn, shift = _crop_to_photo(landmarks, spec)
    # Only the pixels under the crop, averaged down first where it shrinks them by two or more:
    # bilinear sampling alone would skip pixels, and ages are read off fine texture.
    corners = [turn * complex(x, y) + shift for x in (0, spec.size_px) for y in (0, spec.size_px)]
    reduction = max(1, int(abs(turn)))
    left, top, right, bottom = _covering(corners, image.shape[1], image.shape[0], reduction)
    if right <= left or bottom <= top:
        return np.zeros((spec.size_px, spec.size_px, 3), dtype=np.uint8)
    region = Image.fromarray(np.ascontiguousarray(image[top:bottom, left:right]))
    if reduction > 1:
        region = region.reduce(reduction)
    turn, shift = turn / reduction, (shift - complex(left, top)) / reduction
    crop = region.transform(
        (spec.size_px, spec.size_px),
        Image.Transform.AFFINE,
        (turn.real, -turn.imag, shift.real, turn.imag, turn.real, shift.imag),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(crop)


def _crop_to_photo(landmarks: tuple[Point, ...], spec: LandmarkCrop) -> tuple[complex, complex]:
    """The least-squares similarity (turn, shift): photo = turn * crop + shift, as complex numbers.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    1991, in two dimensions and with the crop's points fitted to the photo's.
    """
    photo = np.array([complex(x, y) for x, y in landmarks])
    crop = np.array([complex(x, y) for x, y in spec.template]) * spec.size_px
    centered = crop - crop.mean()
    turn = complex(np.vdot(centered, photo - photo.mean()) / np.vdot(centered, centered).real)
    if abs(turn) < 1e-3:  # landmarks on one spot say nothing of size or turn
        turn = complex(1e-3, 0)
    return turn, complex(photo.mean()) - turn * complex(crop.mean())


def _covering(
    corners: list[complex], width: int, height: int, margin: int
) -> tuple[int, int, int, int]:
    """The part of the photo that a tilted crop covers: left, top, right, bottom in whole pixels."""
    xs, ys = [c.real for c in corners], [c.imag for c in corners]
    return (
        max(0, math.floor(min(xs)) - margin),
        max(0, math.floor(min(ys)) - margin),
        min(width, math.ceil(max(xs)) + margin),
        min(height, math.ceil(max(ys)) + margin),
    )
