"""Known answers for landmark crops; box crops compared with facenet-pytorch."""

import cmath
import math
from collections.abc import Callable

import numpy as np
import pytest
from facenet_pytorch import extract_face
from numpy.typing import NDArray
from PIL import Image

from faceage_core.cards.catalog import shipped_cards
from faceage_core.cards.crops import BoxCrop, CropSpec, LandmarkCrop
from faceage_core.cards.model_card import NetworkCard
from faceage_core.detection.crops import cut
from faceage_core.images import decode
from faceage_core.types import Box, Face, Point

Photo = NDArray[np.uint8]

SIZE = 60
TEMPLATE: tuple[Point, Point, Point, Point, Point] = (
    (0.3, 0.3),
    (0.7, 0.3),
    (0.5, 0.5),
    (0.35, 0.7),
    (0.65, 0.7),
)
SPEC = LandmarkCrop(size_px=SIZE, template=TEMPLATE)
SOMEWHERE = Box(10, 10, 40, 40)


def template_points(move: Callable[[complex], complex] = lambda point: point) -> tuple[Point, ...]:
    """The template's points in pixels of the crop, moved into a photo."""
    moved = [move(complex(x * SIZE, y * SIZE)) for x, y in TEMPLATE]
    return tuple((point.real, point.imag) for point in moved)


def shifted(by: complex) -> tuple[Point, ...]:
    return template_points(lambda point: point + by)


def at(points: tuple[Point, ...]) -> Face:
    return Face(SOMEWHERE, points, 1.0)


def boxed(box: Box) -> Face:
    return Face(box, template_points(), 1.0)


def noise(height: int, width: int) -> Photo:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def painted(height: int, width: int, back: Callable[[complex], complex]) -> Photo:
    """A smooth picture; `back` maps each pixel of the photo to a point of the pattern."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    plane = np.vectorize(back)(x + 1j * y)
    waves = [
        np.sin(plane.real / 9),
        np.cos(plane.imag / 7),
        np.sin((plane.real + 2 * plane.imag) / 15),
    ]
    picture: Photo = np.rint(127 + 120 * np.stack(waves, axis=2)).astype(np.uint8)
    return picture


def difference(one: Photo, other: Photo) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


# --- landmark crops ---


@pytest.mark.parametrize(("x", "y"), [(0, 0), (31, 17), (40, 20)])
def test_landmarks_at_the_template_give_unchanged_pixels(x: int, y: int) -> None:
    photo = noise(80, 100)
    crop = cut(photo, at(shifted(complex(x, y))), SPEC)
    np.testing.assert_array_equal(crop, photo[y : y + SIZE, x : x + SIZE])


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_quarter_turn_of_the_photo_changes_nothing(turns: int) -> None:
    photo, points = noise(90, 120), shifted(complex(20, 10))
    upright = cut(photo, at(points), SPEC)
    for _ in range(turns):  # counter-clockwise: (x, y) of a photo of width w goes to (y, w - x)
        width = photo.shape[1]
        photo = np.ascontiguousarray(np.rot90(photo))
        points = tuple((y, width - x) for x, y in points)
    np.testing.assert_array_equal(cut(photo, at(points), SPEC), upright)


@pytest.mark.parametrize("degrees", [-50, 0, 20, 170])
@pytest.mark.parametrize("scale", [0.7, 1.0, 1.6, 2.0, 3.5])
def test_a_rotated_scaled_and_shifted_photo_gives_the_same_crop(
    degrees: float, scale: float
) -> None:
    turn = cmath.rect(scale, math.radians(degrees))
    shift = complex(230.3, 210.6) - turn * complex(SIZE / 2, SIZE / 2)
    photo = painted(420, 460, lambda point: (point - shift) / turn)
    crop = cut(photo, at(template_points(lambda point: turn * point + shift)), SPEC)
    inside = painted(SIZE, SIZE, lambda point: point)
    assert crop.shape == (SIZE, SIZE, 3)
    assert difference(crop, inside) <= 6


def test_landmarks_are_fitted_by_least_squares() -> None:
    photo = noise(120, 120)
    points = shifted(complex(20, 20))
    # A displacement orthogonal to rotation, scale and shift: least squares must ignore it.
    centered = [complex(x, y) for x, y in TEMPLATE]
    mean = sum(centered) / 5
    free = np.array([1, -1, 0, -1, 1], dtype=complex)
    basis = np.array([[1] * 5, [point - mean for point in centered]])
    for row in basis:
        free -= row * (np.vdot(row, free) / np.vdot(row, row))
    moved = tuple(
        (x + 5 * step.real, y + 5 * step.imag) for (x, y), step in zip(points, free, strict=True)
    )
    assert max(abs(5 * step) for step in free) > 1
    found = cut(photo, at(moved), SPEC)
    assert difference(found, photo[20 : 20 + SIZE, 20 : 20 + SIZE]) <= 1


def test_pixels_outside_the_photo_are_black() -> None:
    photo = np.maximum(noise(SIZE, SIZE), 1)
    for x, y in [(-20, 0), (25, 0), (0, -30), (0, 15), (-10, 12)]:
        crop = cut(photo, at(shifted(complex(x, y))), SPEC)
        expected = np.zeros_like(photo)
        left, top, right, bottom = max(-x, 0), max(-y, 0), min(SIZE, SIZE - x), min(SIZE, SIZE - y)
        expected[top:bottom, left:right] = photo[top + y : bottom + y, left + x : right + x]
        np.testing.assert_array_equal(crop, expected)


@pytest.mark.parametrize("shift", [1000, -1000, 1000j, -1000j, 1e7])
def test_a_face_outside_the_photo_gives_a_black_crop(shift: complex) -> None:
    photo = np.full((50, 70, 3), 255, np.uint8)
    assert not cut(photo, at(shifted(shift)), SPEC).any()


@pytest.mark.parametrize(
    "points",
    [
        ((30.0, 30.0),) * 5,
        ((0.0, 0.0),) * 5,
        ((10.0, 10.0), (20.0, 10.0), (30.0, 10.0), (40.0, 10.0), (50.0, 10.0)),
        ((20.0, 20.0), (20.0, 20.0), (20.0, 40.0), (20.0, 60.0), (20.0, 60.0)),
        ((60.0, 20.0), (20.0, 20.0), (40.0, 40.0), (60.0, 60.0), (20.0, 60.0)),
    ],
)
@pytest.mark.parametrize("size", [1, 80])
def test_degenerate_landmarks_still_give_a_crop(points: tuple[Point, ...], size: int) -> None:
    crop = cut(noise(size, size), at(points), SPEC)
    assert crop.shape == (SIZE, SIZE, 3)
    assert crop.dtype == np.uint8


@pytest.mark.parametrize("times", [2, 3, 6, 11])
def test_a_huge_face_is_reduced_by_averaging_all_pixels(times: int) -> None:
    photo = noise(SIZE * times + 40, SIZE * times + 40)
    crop = cut(photo, at(template_points(lambda point: point * times + complex(20, 20))), SPEC)
    blocks = photo[20:-20, 20:-20].reshape(SIZE, times, SIZE, times, 3)
    averaged = blocks.mean(axis=(1, 3))
    # The averaging grid need not start at the crop's corner; then only neighbouring pixels mix.
    assert crop.std() < 1.2 * averaged.std()
    assert np.abs(crop - averaged).mean() < averaged.std()


def test_a_huge_face_is_close_to_a_box_filter_reduction(samples: dict[str, bytes]) -> None:
    photo = decode(samples["obama_2010.jpg"])
    left, top, side = 520.0, 180.0, 480.0
    spec = LandmarkCrop(size_px=64, template=TEMPLATE)
    points = tuple((left + x * side, top + y * side) for x, y in TEMPLATE)
    crop = cut(photo, at(points), spec)
    box = (left, top, left + side, top + side)
    best = Image.fromarray(photo).resize((64, 64), Image.Resampling.BOX, box=box)
    skipping = Image.fromarray(photo).transform(
        (64, 64), Image.Transform.EXTENT, box, Image.Resampling.BILINEAR
    )
    error = np.abs(crop.astype(int) - np.asarray(best)).mean()
    assert error < 0.75 * np.abs(np.asarray(skipping).astype(int) - np.asarray(best)).mean()


def test_the_photo_is_not_modified() -> None:
    photo = noise(100, 100)
    before = photo.copy()
    photo.flags.writeable = False
    for spec in (SPEC, BoxCrop(size_px=20, margin_px=2)):
        cut(photo, boxed(SOMEWHERE), spec)
    np.testing.assert_array_equal(photo, before)


# --- box crops ---

FACES_OF_SAMPLES = {
    "biden_2010.jpg": Box(434.2, 169.9, 713.4, 562.4),
    "collins.png": Box(181.13, 62.24, 267.71, 172.05),
    "hopper_1984.jpg": Box(174.37, 119.61, 355.58, 340.49),
    "obama_2009.jpg": Box(190.22, 213.27, 472.48, 638.71),
}


def assert_like_facenet(photo: Photo, box: Box, margin: int, size: int = 160) -> None:
    corners = np.array([box.x1, box.y1, box.x2, box.y2])
    expected = extract_face(Image.fromarray(photo), corners, size, margin)
    found = cut(photo, boxed(box), BoxCrop(size_px=size, margin_px=margin))
    np.testing.assert_array_equal(found, expected.permute(1, 2, 0).numpy())


@pytest.mark.parametrize("margin", [0, 14])
@pytest.mark.parametrize("name", FACES_OF_SAMPLES)
def test_box_crops_equal_facenet_pytorch(samples: dict[str, bytes], name: str, margin: int) -> None:
    assert_like_facenet(decode(samples[name]), FACES_OF_SAMPLES[name], margin)


@pytest.mark.parametrize("margin", [0, 14, 80])
@pytest.mark.parametrize(
    "box",
    [
        Box(-30.5, -20.2, 60.7, 80.1),
        Box(400.4, 500.6, 560.0, 640.9),
        Box(-10, -10, 522, 610),
        Box(0, 0, 512, 600),
        Box(100.2, 100.9, 103.4, 104.8),
    ],
)
def test_box_crops_at_the_edge_equal_facenet_pytorch(
    samples: dict[str, bytes], box: Box, margin: int
) -> None:
    assert_like_facenet(decode(samples["hopper_1984.jpg"]), box, margin)


@pytest.mark.parametrize(
    "box",
    [Box(-50, 0, -10, 30), Box(60, 0, 90, 30), Box(0, 80, 10, 90), Box(20, 20, 20, 20)],
)
def test_a_box_without_pixels_gives_a_black_crop(box: Box) -> None:
    photo = np.full((50, 50, 3), 255, np.uint8)
    crop = cut(photo, boxed(box), BoxCrop(size_px=24, margin_px=0))
    assert crop.shape == (24, 24, 3)
    assert not crop.any()


# --- the shipped cards ---

SHIPPED: list[CropSpec] = [
    card.input.crop for card in shipped_cards() if isinstance(card, NetworkCard)
]


@pytest.mark.parametrize("spec", SHIPPED, ids=lambda spec: f"{spec.kind}-{spec.size_px}")
def test_every_shipped_crop_has_its_size(spec: CropSpec) -> None:
    crop = cut(noise(70, 90), at(template_points()), spec)
    assert crop.shape == (spec.size_px, spec.size_px, 3)
    assert crop.dtype == np.uint8


def test_the_center_of_a_wider_crop_equals_the_tighter_crop(samples: dict[str, bytes]) -> None:
    image = decode(samples["obama_2009.jpg"])
    face = at(template_points(lambda point: 2 * point + complex(120, 90)))
    wide = LandmarkCrop(size_px=200, template=TEMPLATE)
    inner = LandmarkCrop(size_px=160, template=wide.widened(0.8).template)
    parted = cut(image, face, wide)[20:180, 20:180].astype(int)
    assert parted.std() > 10
    assert np.abs(parted - cut(image, face, inner)).mean() < 1
