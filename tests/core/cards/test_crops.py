"""Crop specifications: widening a landmark crop, and the share of a wider one."""

import pytest

from faceage_core.cards.crops import LandmarkCrop
from faceage_core.types import Point

TEMPLATE: tuple[Point, Point, Point, Point, Point] = (
    (0.3, 0.3),
    (0.7, 0.3),
    (0.5, 0.5),
    (0.35, 0.7),
    (0.65, 0.7),
)
SPEC = LandmarkCrop(size_px=60, template=TEMPLATE)


def test_the_share_of_a_wider_crop() -> None:
    middle = SPEC.widened(0.8)
    assert middle.size_px == SPEC.size_px
    assert middle.template[:2] == ((0.25, 0.25), (0.75, 0.25))  # 0.5 - 0.2 / 0.8
    assert middle.share_of(SPEC) == pytest.approx(0.8)
    assert SPEC.share_of(SPEC) == 1
    assert LandmarkCrop(size_px=9, template=middle.template).share_of(SPEC) == pytest.approx(0.8)
    assert SPEC.share_of(middle) is None
    moved = [(x + 1e-4, y) for x, y in middle.template]
    assert LandmarkCrop(size_px=SPEC.size_px, template=moved).share_of(SPEC) is None  # type: ignore[arg-type]
