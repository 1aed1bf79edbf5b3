"""Normalisation: known answers, and the same values from NumPy and PyTorch."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from faceage_core.cards.crops import BoxCrop
from faceage_core.cards.input import InputSpec
from faceage_core.data.training.augmentation import PRESETS
from faceage_core.inference.normalisation import normalise, normalise_batch


def spec(**changes: object) -> InputSpec:
    fields = {
        "crop": BoxCrop(size_px=2, margin_px=0),
        "mean": (100, 50, 0),
        "scale": (0.5, 2, 1),
        **changes,
    }
    return InputSpec.model_validate(fields)


def of_preset(preset: str) -> InputSpec:
    return spec(mean=PRESETS[preset].mean, scale=PRESETS[preset].scale)


def noise(count: int, side: int = 2) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def test_numpy_known_answer() -> None:
    crops = np.zeros((1, 2, 2, 3), np.uint8)
    crops[0] = [[[100, 50, 0], [102, 51, 7]], [[0, 0, 255], [255, 255, 1]]]
    expected = [
        [[0, 1], [-50, 77.5]],  # (red - 100) * 0.5
        [[0, 2], [-100, 410]],  # (green - 50) * 2
        [[0, 7], [255, 1]],
    ]
    values = normalise(crops, spec())
    assert values.tolist() == [expected]
    assert values.dtype == np.float32
    assert values.flags.c_contiguous


def test_the_crops_are_not_modified() -> None:
    crops = noise(3)
    before = crops.copy()
    normalise(crops, spec())
    np.testing.assert_array_equal(crops, before)


def test_no_crop() -> None:
    assert normalise(noise(0), spec()).shape == (0, 3, 2, 2)


@pytest.mark.parametrize("preset", PRESETS)
def test_pytorch_gives_the_same_values_as_numpy(preset: str) -> None:
    crops = noise(4, 32)
    crops[0] = (np.arange(1024) % 256).reshape(32, 32, 1)  # every value
    got = normalise_batch(
        torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous(), of_preset(preset)
    )
    assert got.dtype == torch.float32
    assert got.is_contiguous()
    np.testing.assert_array_equal(got.numpy(), normalise(crops, of_preset(preset)))


def test_pytorch_known_answers() -> None:
    white = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)
    assert (normalise_batch(white, of_preset("none")) == 127.5 / 128).all()
    means = normalise_batch(white, of_preset("imagenet_128"))[0, :, 0, 0]
    expected = [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    assert means.tolist() == pytest.approx(expected, rel=1e-6)
    assert (white == 255).all()
