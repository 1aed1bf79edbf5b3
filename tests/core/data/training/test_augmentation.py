"""Augmentation presets, measured on images with known geometry, and normalisation."""

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from faceage_core.data.training.augmentation import PRESETS, Rotation, find_preset, seeded_random
from faceage_core.errors import InvalidArgument

DOTS = ((60, 60), (100, 60), (60, 100))  # red, green, blue; x and y
DRAWS = 400


class Seen(NamedTuple):
    area: float  # the visible part of the image
    angle: float  # degrees
    flipped: bool


def noise(height: int = 160, width: int = 160, seed: int = 0) -> Tensor:
    return torch.randint(
        0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


def dots_image() -> Tensor:
    image = torch.zeros(3, 160, 160, dtype=torch.uint8)
    for channel, (x, y) in enumerate(DOTS):
        image[channel, y - 4 : y + 5, x - 4 : x + 5] = 200
    return image


def measure(image: Tensor, size: int) -> Seen:
    """The transformation of the three dots."""
    values = image.double()
    centres = []
    for channel in range(3):
        others = [other for other in range(3) if other != channel]
        weight = (values[channel] - values[others].amax(0)).clamp(min=0)
        weight[weight < 30] = 0
        ys, xs = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
        centres.append(
            (
                float((weight * xs).sum() / weight.sum()),
                float((weight * ys).sum() / weight.sum()),
            )
        )
    (rx, ry), (gx, gy), (bx, by) = centres
    determinant = (gx - rx) * (by - ry) - (gy - ry) * (bx - rx)
    flipped = determinant < 0
    angle = math.degrees(math.atan2(gy - ry, gx - rx))
    angle = (angle + 180 + 180) % 360 - 180 if flipped else angle
    return Seen(40 * 40 * (size / 160) ** 2 / abs(determinant), angle, flipped)


def drawn(preset: str, size: int) -> list[Seen]:
    augment, image = PRESETS[preset].build(size), dots_image()
    seen = []
    for index in range(DRAWS):
        with seeded_random(1, 0, index):
            seen.append(measure(augment(image), size))
    return seen


@pytest.fixture(scope="module")
def standard() -> list[Seen]:
    return drawn("standard", 160)


@pytest.fixture(scope="module")
def imagenet() -> list[Seen]:
    return drawn("imagenet_128", 128)


def test_standard_shows_80_to_100_percent_of_the_image(standard: list[Seen]) -> None:
    areas = np.array([seen.area for seen in standard])
    assert 0.78 < areas.min() < 0.83
    assert 0.97 < areas.max() < 1.02


def test_standard_rotates_by_up_to_10_degrees(standard: list[Seen]) -> None:
    angles = np.array([seen.angle for seen in standard])
    assert -10.5 < angles.min() < -9.3
    assert 9.3 < angles.max() < 10.5
    assert abs(angles.mean()) < 1
    assert angles.std() == pytest.approx(20 / math.sqrt(12), rel=0.1)  # as uniform draws spread


def test_standard_flips_half_of_the_images(standard: list[Seen]) -> None:
    assert np.mean([seen.flipped for seen in standard]) == pytest.approx(0.5, abs=0.075)


def test_imagenet_128_only_rotates_by_up_to_15_degrees(imagenet: list[Seen]) -> None:
    angles = np.array([seen.angle for seen in imagenet])
    assert -15.5 < angles.min() < -14
    assert 14 < angles.max() < 15.5
    assert not any(seen.flipped for seen in imagenet)
    assert [seen.area for seen in imagenet] == pytest.approx([1] * DRAWS, abs=0.04)


def test_standard_jitters_brightness_contrast_saturation_and_hue() -> None:
    steps: list[v2.Transform] = list(PRESETS["standard"].build(160).transforms)  # type: ignore[attr-defined]
    jitter = steps[-1]
    assert jitter.brightness == pytest.approx((0.8, 1.2))
    assert jitter.contrast == pytest.approx((0.8, 1.2))
    assert jitter.saturation == pytest.approx((0.8, 1.2))
    assert jitter.hue == pytest.approx((-0.05, 0.05))


@pytest.mark.parametrize("side", [96, 128, 161])
def test_rotation_equals_torchvision_to_one_level(side: int) -> None:
    # fill=0 is black too, but its mask changes the border.
    theirs = v2.RandomRotation(15, v2.InterpolationMode.BILINEAR, fill=None)
    for seed in range(12):
        with seeded_random(seed):
            expected = theirs(noise(side, side))
        with seeded_random(seed):
            got = Rotation(15)(noise(side, side))
        assert (expected.int() - got.int()).abs().max() <= 1
        assert (expected != noise(side, side)).any()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", [64, 160])
@pytest.mark.parametrize("shape", [(160, 160), (200, 150), (40, 30)])
def test_the_output_is_square_uint8(preset: str, size: int, shape: tuple[int, int]) -> None:
    out = PRESETS[preset].build(size)(noise(*shape))
    assert out.shape == (3, size, size)
    assert out.dtype == torch.uint8


def test_none_does_not_change_an_image_of_the_right_size() -> None:
    assert torch.equal(PRESETS["none"].build(160)(noise()), noise())


@pytest.mark.parametrize("preset", ["standard", "imagenet_128"])
def test_the_same_key_gives_the_same_augmentation(preset: str) -> None:
    augment = PRESETS[preset].build(160)

    def draw(*key: int) -> Tensor:
        with seeded_random(*key):
            out: Tensor = augment(noise())
        return out

    first = draw(0, 0, 7)
    assert torch.equal(first, draw(0, 0, 7))
    for other in ((1, 0, 7), (0, 1, 7), (0, 0, 8), (0, 7, 0)):
        assert not torch.equal(first, draw(*other))


def test_seeded_random_restores_the_state_of_torch() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    with seeded_random(1, 2, 3):
        torch.rand(100)
    assert torch.equal(torch.rand(4), expected)
    torch.manual_seed(3)
    with pytest.raises(KeyError), seeded_random(1, 2, 3):
        raise KeyError
    assert torch.equal(torch.rand(4), expected)


def test_unknown_preset_is_rejected() -> None:
    with pytest.raises(InvalidArgument, match="none, standard, varied, imagenet_128, got 'strong'"):
        find_preset("strong")
