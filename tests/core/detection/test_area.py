"""Area resizing equals PyTorch's, up to float rounding."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from faceage_core.detection.area import AreaResizer

RTOL = 2e-7
SIZES = [(1, 1), (1, 5), (12, 12), (31, 77), (250, 250), (700, 1100)]


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def resized_by_torch(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float32]:
    planes = np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)
    resized: NDArray[np.float32] = interpolate(
        torch.from_numpy(planes)[None], (height, width), mode="area"
    ).numpy()
    return resized


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("scale", [0.05, 0.3017, 0.6, 1.0, 1.7])
def test_a_whole_photo(height: int, width: int, scale: float) -> None:
    image = noise(height, width)
    size = int(height * scale + 1), int(width * scale + 1)
    np.testing.assert_allclose(
        AreaResizer(image).whole(*size), resized_by_torch(image, *size), rtol=RTOL
    )


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("size", [24, 48])
def test_patches_of_every_size(height: int, width: int, size: int) -> None:
    image, draw = noise(height, width), np.random.default_rng(1)
    left, top = draw.integers(0, width, 40), draw.integers(0, height, 40)
    right, bottom = draw.integers(left, width) + 1, draw.integers(top, height) + 1
    boxes = np.stack([left, top, right, bottom], axis=1)
    expected = [
        resized_by_torch(image[y1:y2, x1:x2], size, size) for x1, y1, x2, y2 in boxes.tolist()
    ]
    found = AreaResizer(image).patches(boxes, size)
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=RTOL)


def test_no_patch() -> None:
    assert AreaResizer(noise(9, 9)).patches(np.zeros((0, 4), np.int64), 24).shape == (0, 3, 24, 24)


def test_sums_above_32_bits() -> None:
    white = np.full((4200, 4100, 3), 255, dtype=np.uint8)  # 4.4e9 in all
    resizer = AreaResizer(white)
    assert (resizer.whole(3, 5) == 255).all()
    assert (resizer.patches(np.array([[4000, 4100, 4100, 4200]]), 24) == 255).all()
