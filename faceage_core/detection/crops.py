"""Cut faces out of photos as a card's crop specification says; used by training and serving."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from faceage_core.cards.crops import BoxCrop, CropSpec, LandmarkCrop
from faceage_core.types import Box, Face, Point


def cut(image: NDArray[np.uint8], face: Face, spec: CropSpec) -> NDArray[np.uint8]:
    """Cut one face out of a photo, at the size that a network expects.

    Args:
        image: [H, W, 3] uint8 RGB, the upright photo.
        face: its coordinates are pixels of the photo.
        spec: from the network's card.

    Returns:
        [size, size, 3] uint8 RGB; black where a landmark crop extends beyond the photo.
    """
    if isinstance(spec, LandmarkCrop):
        return _cut_landmarks(image, face.landmarks, spec)
    return _cut_box(image, face.box, spec)


def pixels_per_crop_pixel(face: Face, spec: CropSpec) -> float:
    """How many pixels of the photo, a side, each pixel of the crop shows."""
    if isinstance(spec, LandmarkCrop):
        return abs(_crop_to_photo(face.landmarks, spec)[0])
    return min(face.box.width, face.box.height) / (spec.size_px - spec.margin_px)


def _cut_box(image: NDArray[np.uint8], box: Box, spec: BoxCrop) -> NDArray[np.uint8]:
    """The same bytes as facenet-pytorch's extract_face."""
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
    rotation, shift = _crop_to_photo(landmarks, spec)
    # Only the pixels under the crop, averaged first if the crop reduces the scale by two or more:
    # bilinear sampling alone would skip pixels, and age estimation depends on fine texture.
    side = (0, spec.size_px)
    corners = [rotation * complex(x, y) + shift for x in side for y in side]
    reduction = max(1, int(abs(rotation)))
    left, top, right, bottom = _bounds(corners, image.shape[1], image.shape[0], reduction)
    if right <= left or bottom <= top:
        return np.zeros((spec.size_px, spec.size_px, 3), dtype=np.uint8)
    region = Image.fromarray(np.ascontiguousarray(image[top:bottom, left:right]))
    if reduction > 1:
        region = region.reduce(reduction)
    rotation, shift = rotation / reduction, (shift - complex(left, top)) / reduction
    crop = region.transform(
        (spec.size_px, spec.size_px),
        Image.Transform.AFFINE,
        (rotation.real, -rotation.imag, shift.real, rotation.imag, rotation.real, shift.imag),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(crop)


def _crop_to_photo(landmarks: tuple[Point, ...], spec: LandmarkCrop) -> tuple[complex, complex]:
    """The least-squares similarity: photo = rotation * crop + shift, as complex numbers.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    1991, in two dimensions; the crop's points are fitted to the photo's. The complex rotation
    includes the scale.
    """
    photo = np.array([complex(x, y) for x, y in landmarks])
    crop = np.array([complex(x, y) for x, y in spec.template]) * spec.size_px
    centered = crop - crop.mean()
    rotation = complex(np.vdot(centered, photo - photo.mean()) / np.vdot(centered, centered).real)
    if abs(rotation) < 1e-3:  # coinciding landmarks define no scale or rotation
        rotation = complex(1e-3, 0)
    return rotation, complex(photo.mean()) - rotation * complex(crop.mean())


def _bounds(
    corners: list[complex], width: int, height: int, margin: int
) -> tuple[int, int, int, int]:
    """The part of the photo that a rotated crop covers: left, top, right, bottom in pixels."""
    xs, ys = [c.real for c in corners], [c.imag for c in corners]
    return (
        max(0, math.floor(min(xs)) - margin),
        max(0, math.floor(min(ys)) - margin),
        min(width, math.ceil(max(xs)) + margin),
        min(height, math.ceil(max(ys)) + margin),
    )
