"""Every colour mode is converted to RGB."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from faceage_core.images import decode
from tests.core.images.assertions import assert_solid
from tests.core.images.factories import CLOSE_MODES, EXACT_MODES, encode


@pytest.mark.parametrize("mode", EXACT_MODES)
def test_every_mode_becomes_rgb(mode: str) -> None:
    data, colour = EXACT_MODES[mode]
    assert_solid(decode(data), colour)


@pytest.mark.parametrize("mode", CLOSE_MODES)
def test_every_lossy_mode_becomes_rgb(mode: str) -> None:
    data, colour = CLOSE_MODES[mode]
    assert_solid(decode(data), colour, within=3)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[-1.0, 0.0, 1.0, 3.0]], np.float32), [0, 64, 128, 255]),
        (np.array([[0.0, 0.5, np.inf, np.nan]], np.float32), [0, 255, 255, 0]),
        (np.array([[-3e38, 0.0, 3e38, 3e38]], np.float32), [0, 128, 255, 255]),
        (np.full((1, 4), 0.7, np.float32), [0, 0, 0, 0]),
        (np.full((1, 4), np.nan, np.float32), [0, 0, 0, 0]),
        (np.array([[0, 1000, 2000, 4000]], np.int32), [0, 64, 128, 255]),
        (np.array([[-(2**31), 0, 0, 2**31 - 1]], np.int32), [0, 128, 128, 255]),
    ],
)
def test_32_bit_values_are_scaled_to_their_range(values: NDArray[Any], expected: list[int]) -> None:
    array = decode(encode(values, "TIFF"))
    np.testing.assert_array_equal(array[0], np.array(expected)[:, None].repeat(3, 1))
