"""Photos above a detector's limit."""

import numpy as np
import pytest

from faceage_core.detection.reduction import reduce_by_integer, reduce_photo


def test_each_axis_has_its_own_scale() -> None:
    # 21 pixels are reduced to 10, so the vertical scale is 2.1 and not 2.
    small, back = reduce_photo(np.zeros((21, 2000, 3), np.uint8), 1000)
    assert small.shape == (10, 1000, 3)
    assert back == (2.0, 2.1)


@pytest.mark.parametrize(
    ("side_px", "reduced_px", "factor"), [(1000, 1000, 1), (1001, 501, 2), (2001, 667, 3)]
)
def test_a_photo_is_reduced_by_a_whole_number(side_px: int, reduced_px: int, factor: int) -> None:
    small, found = reduce_by_integer(np.full((20, side_px, 3), 9, np.uint8), 1000)
    assert (small.shape, found) == ((-(-20 // factor), reduced_px, 3), factor)
    assert (small == 9).all()
