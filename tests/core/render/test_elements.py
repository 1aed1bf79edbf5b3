"""Values to draw are validated."""

import math

import numpy as np
import pytest

from faceage_core.errors import InvalidArgument
from faceage_core.render import Panel, Verdict, encode_jpeg
from tests.core.render.factories import face
from tests.core.render.pixels import Pixels


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), dtype=np.uint8),
        np.zeros((8, 8, 4), dtype=np.uint8),
        np.zeros((8, 8, 3), dtype=np.float32),
        np.zeros((0, 8, 3), dtype=np.uint8),
        np.zeros((8, 0, 3), dtype=np.uint8),
    ],
)
def test_images_must_be_rgb_uint8(image: Pixels) -> None:
    with pytest.raises(InvalidArgument, match=r"image must be uint8 \[H, W, 3\]"):
        Panel(image, "a", ())
    with pytest.raises(InvalidArgument, match=r"picture must be uint8 \[H, W, 3\]"):
        encode_jpeg(image)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_must_be_finite(bad: float) -> None:
    with pytest.raises(InvalidArgument, match="box must have finite coordinates"):
        face(0, bad, 10, 10)
    with pytest.raises(InvalidArgument, match="similarity must be a finite number"):
        Verdict(False, bad, 0.5)
    with pytest.raises(InvalidArgument, match="threshold must be a finite number"):
        Verdict(False, 0.5, bad)


@pytest.mark.parametrize(("is_match", "similarity"), [(True, 0.4), (False, 0.6), (False, 0.5)])
def test_the_decision_must_follow_from_the_numbers(is_match: bool, similarity: float) -> None:
    with pytest.raises(InvalidArgument, match="is_match must follow from similarity"):
        Verdict(is_match, similarity, 0.5)
