"""Colour and sharpness jitter, against torchvision and known values."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from faceage_core.data.training.augmentation import seeded_random
from faceage_core.data.training.jitter import (
    ColorJitter,
    SharpnessJitter,
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
)

Step = Callable[[Tensor, float], Tensor]


def noise(height: int = 160, width: int = 160, seed: int = 0) -> Tensor:
    return torch.randint(
        0, 256, (3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


@pytest.mark.parametrize("seed", range(12))
def test_color_jitter_is_close_to_torchvision(seed: int) -> None:
    theirs, ours = v2.ColorJitter(0.2, 0.2, 0.2, 0.05), ColorJitter(0.2, 0.2, 0.2, 0.05)
    with seeded_random(seed):
        expected = theirs(noise())
    with seeded_random(seed):
        got = ours(noise())
    assert (expected.int() - got.int()).abs().max() <= 5  # torchvision rounds down four times
    assert (expected != noise()).any()
    assert (got.float() - expected.float()).mean() == pytest.approx(4 * 0.5 - 0.5, abs=0.5)


@pytest.mark.parametrize("factor", [0.0, 0.7, 1.0, 1.3, 2.0])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (adjust_brightness, functional.adjust_brightness),
        (adjust_contrast, functional.adjust_contrast),
        (adjust_saturation, functional.adjust_saturation),
    ],
)
def test_each_adjustment_equals_torchvision_except_rounding(
    ours: Step, theirs: Step, factor: float
) -> None:
    # torchvision rounds down the result, and the grey before it.
    difference = ours(noise().float(), factor) - theirs(noise(), factor)
    assert difference.abs().max() < 1 + abs(1 - factor) + 1e-3


@pytest.mark.parametrize("shift", [-0.5, -0.31, -0.05, -0.001, 0.0, 0.05, 0.25, 0.5])
def test_hue_equals_torchvision_to_one_level(shift: float) -> None:
    image = torch.cat([noise(64, 160), noise(64, 160, seed=1) // 64], dim=1)
    expected = functional.adjust_hue(image, shift).float()
    assert (expected - adjust_hue(image.float(), shift)).abs().max() <= 1 + 1e-3


def test_hue_of_known_colours() -> None:
    colours = torch.tensor([[200, 0, 0], [50, 50, 50], [0, 0, 0], [255, 255, 0]]).T
    image = colours.reshape(3, 2, 2).float()
    third = torch.tensor([[0, 200, 0], [50, 50, 50], [0, 0, 0], [0, 255, 255]]).T.reshape(3, 2, 2)
    torch.testing.assert_close(adjust_hue(image, 1 / 3), third.float(), atol=0.01, rtol=0)
    torch.testing.assert_close(adjust_hue(noise().float(), 0.0), noise().float(), atol=0.01, rtol=0)


def test_the_input_is_not_changed() -> None:
    image = noise()
    ColorJitter(0.2, 0.2, 0.2, 0.05)(image)
    assert torch.equal(image, noise())
    SharpnessJitter(0.0, 3.0)(image)
    assert torch.equal(image, noise())


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.8, 3.0])
def test_sharpness_equals_torchvision_at_a_scaled_factor(factor: float) -> None:
    # torchvision weighs the centre of 3 x 3 pixels five times: the same change needs 13/9 of it.
    got = SharpnessJitter(factor, factor)(noise())
    expected = functional.adjust_sharpness(noise(), 1 + (factor - 1) * 13 / 9)
    difference = (got.int() - expected.int())[
        :, 1:-1, 1:-1
    ]  # torchvision does not change the border
    assert difference.abs().max() <= 2


def test_sharpness_of_known_images() -> None:
    dot = torch.zeros(3, 5, 5, dtype=torch.uint8)
    dot[:, 2, 2] = 90
    blurred = SharpnessJitter(0.0, 0.0)(dot)
    assert (blurred[:, 1:4, 1:4] == 10).all()
    assert blurred.sum() == 3 * 9 * 10
    flat = torch.full((3, 4, 4), 77, dtype=torch.uint8)
    assert torch.equal(SharpnessJitter(0.0, 3.0)(flat), flat)


def test_sharpness_factors_cover_the_range() -> None:
    dot = torch.zeros(3, 5, 5, dtype=torch.uint8)
    dot[:, 2, 2] = 90
    middles = []
    for seed in range(200):
        with seeded_random(seed):
            middles.append(int(SharpnessJitter(0.0, 3.0)(dot)[0, 2, 2]))
    assert min(middles) < 20  # 10 + 80 x factor
    assert max(middles) > 240
