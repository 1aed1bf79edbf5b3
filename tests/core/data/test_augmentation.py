"""What the presets do to a picture, measured on pictures whose geometry is known."""

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from faceage_core.data.training.augmentation import (
    PRESETS,
    Rotation,
    drawing_from,
    find_preset,
)
from faceage_core.errors import InvalidArgument

DOTS = ((60, 60), (100, 60), (60, 100))  # red, green, blue; x and y
DRAWS = 400


class Seen(NamedTuple):
    area: float  # the part of the picture that the result shows
    angle: float  # degrees
    flipped: bool


def noise(height: int = 160, width: int = 160, seed: int = 0) -> Tensor:
    return torch.randint(
        0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


def three_dots() -> Tensor:
    picture = torch.zeros(3, 160, 160, dtype=torch.uint8)
    for channel, (x, y) in enumerate(DOTS):
        picture[channel, y - 4 : y + 5, x - 4 : x + 5] = 200
    return picture


def measure(picture: Tensor, size: int) -> Seen:
    """Where the three dots went."""
    values = picture.double()
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
    augment, picture = PRESETS[preset].build(size), three_dots()
    seen = []
    for index in range(DRAWS):
        with drawing_from(1, 0, index):
            seen.append(measure(augment(picture), size))
    return seen


@pytest.fixture(scope="module")
def mission() -> list[Seen]:
    return drawn("mission", 160)


@pytest.fixture(scope="module")
def imagenet() -> list[Seen]:
    return drawn("imagenet_128", 128)


def test_the_mission_shows_80_to_100_percent_of_the_picture(mission: list[Seen]) -> None:
    areas = np.array([seen.area for seen in mission])
    assert 0.78 < areas.min() < 0.83
    assert 0.97 < areas.max() < 1.02


def test_the_mission_turns_by_up_to_10_degrees_either_way(mission: list[Seen]) -> None:
    angles = np.array([seen.angle for seen in mission])
    assert -10.5 < angles.min() < -9.3
    assert 9.3 < angles.max() < 10.5
    assert abs(angles.mean()) < 1
    assert angles.std() == pytest.approx(20 / math.sqrt(12), rel=0.1)  # as uniform draws spread


def test_the_mission_mirrors_every_second_picture(mission: list[Seen]) -> None:
    assert np.mean([seen.flipped for seen in mission]) == pytest.approx(0.5, abs=0.075)


def test_imagenet_128_turns_by_up_to_15_degrees_and_nothing_else(imagenet: list[Seen]) -> None:
    angles = np.array([seen.angle for seen in imagenet])
    assert -15.5 < angles.min() < -14
    assert 14 < angles.max() < 15.5
    assert not any(seen.flipped for seen in imagenet)
    assert [seen.area for seen in imagenet] == pytest.approx([1] * DRAWS, abs=0.04)


def test_the_mission_jitters_brightness_contrast_saturation_and_hue() -> None:
    steps: list[v2.Transform] = list(PRESETS["mission"].build(160).transforms)  # type: ignore[attr-defined]
    jitter = steps[-1]
    assert jitter.brightness == pytest.approx((0.8, 1.2))
    assert jitter.contrast == pytest.approx((0.8, 1.2))
    assert jitter.saturation == pytest.approx((0.8, 1.2))
    assert jitter.hue == pytest.approx((-0.05, 0.05))


@pytest.mark.parametrize("side", [96, 128, 161])
def test_the_rotation_is_torchvisions_to_one_level(side: int) -> None:
    # A fill of 0 is black as well, but spoils the rim by the mask that it is drawn with.
    theirs = v2.RandomRotation(15, v2.InterpolationMode.BILINEAR, fill=None)
    for seed in range(12):
        with drawing_from(seed):
            expected = theirs(noise(side, side))
        with drawing_from(seed):
            got = Rotation(15)(noise(side, side))
        assert (expected.int() - got.int()).abs().max() <= 1
        assert (expected != noise(side, side)).any()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", [64, 160])
@pytest.mark.parametrize("shape", [(160, 160), (200, 150), (40, 30)])
def test_any_picture_becomes_a_square_of_bytes(
    preset: str, size: int, shape: tuple[int, int]
) -> None:
    out = PRESETS[preset].build(size)(noise(*shape))
    assert out.shape == (3, size, size)
    assert out.dtype == torch.uint8


def test_none_leaves_a_picture_of_the_right_size_alone() -> None:
    assert torch.equal(PRESETS["none"].build(160)(noise()), noise())


@pytest.mark.parametrize("preset", ["mission", "imagenet_128"])
def test_the_key_alone_decides(preset: str) -> None:
    augment = PRESETS[preset].build(160)

    def draw(*key: int) -> Tensor:
        with drawing_from(*key):
            out: Tensor = augment(noise())
        return out

    first = draw(0, 0, 7)
    assert torch.equal(first, draw(0, 0, 7))
    for other in ((1, 0, 7), (0, 1, 7), (0, 0, 8), (0, 7, 0)):
        assert not torch.equal(first, draw(*other))


def test_drawing_leaves_torchs_own_sequence_undisturbed() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    with drawing_from(1, 2, 3):
        torch.rand(100)
    assert torch.equal(torch.rand(4), expected)
    torch.manual_seed(3)
    with pytest.raises(KeyError), drawing_from(1, 2, 3):
        raise KeyError
    assert torch.equal(torch.rand(4), expected)


def test_an_unknown_preset_is_refused_by_name() -> None:
    with pytest.raises(InvalidArgument, match="none, mission, varied, imagenet_128, got 'strong'"):
        find_preset("strong")
