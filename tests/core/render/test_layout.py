"""Positions and sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceage_core.render import render_comparison
from faceage_core.render.layout import (
    MAX_HEIGHT,
    MAX_WIDTH,
    Rect,
    compute_layout,
    map_box,
    place_label,
)
from faceage_core.types import Box
from tests.core.render.factories import SAME_PERSON, panel
from tests.core.render.pixels import is_inside


@pytest.mark.parametrize(
    ("left", "right", "size"),
    [
        ((512, 512), (512, 512), (1600, 940)),  # two squares share the width
        ((600, 1000), (300, 500), (1128, 1056)),  # portraits reach the full height
        ((4000, 2000), (2000, 2000), (1599, 685)),  # same height, widths by aspect ratio
    ],
)
def test_known_sizes(left: tuple[int, int], right: tuple[int, int], size: tuple[int, int]) -> None:
    assert compute_layout(left, right).size == size
    assert render_comparison(panel(*left), panel(*right), SAME_PERSON).shape == (
        size[1],
        size[0],
        3,
    )


sides = st.one_of(st.integers(1, 30_000), st.integers(1, 50))


@given(left=st.tuples(sides, sides), right=st.tuples(sides, sides))
def test_layout_is_bounded_and_its_parts_do_not_overlap(
    left: tuple[int, int], right: tuple[int, int]
) -> None:
    layout = compute_layout(left, right)
    canvas = (0, 0, *layout.size)
    assert layout.size[0] <= MAX_WIDTH
    assert layout.size[1] <= MAX_HEIGHT
    for area in (*layout.panels, *layout.captions, layout.verdict):
        assert is_inside(area, canvas)
    assert layout.panels[0][2] < layout.panels[1][0]
    for i, (width, height) in enumerate((left, right)):
        photo = layout.photos[i]
        assert is_inside(photo, layout.panels[i])
        assert layout.panels[i][3] <= layout.captions[i][1] < layout.captions[i][3]
        assert layout.captions[i][3] <= layout.verdict[1]
        # The photo's shape is kept, to the rounding of both sides.
        scaled_width, scaled_height = photo[2] - photo[0], photo[3] - photo[1]
        if width >= height:
            assert abs(scaled_height - max(1, height * scaled_width / width)) <= 1
        else:
            assert abs(scaled_width - max(1, width * scaled_height / height)) <= 1


def test_ordinary_photos_fill_their_panels() -> None:
    layout = compute_layout((626, 1200), (910, 1137))
    for photo, area in zip(layout.photos, layout.panels, strict=True):
        assert abs((photo[2] - photo[0]) - (area[2] - area[0])) <= 1
        assert abs((photo[3] - photo[1]) - (area[3] - area[1])) <= 1


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(10, 5, 30, 25), (30, 30, 70, 70)),  # twice as large, shifted by (10, 20)
        (Box(-50, -50, 30, 25), (10, 20, 70, 70)),
        (Box(90, 40, 1e9, 1e9), (190, 100, 210, 120)),
        (Box(500, 500, 600, 600), (209, 119, 210, 120)),  # outside: one pixel at the nearest corner
        (Box(-9, -9, -5, -5), (10, 20, 11, 21)),
        (Box(50, 25, 50, 25), (110, 70, 111, 71)),
        (Box(30, 25, 10, 5), (30, 30, 70, 70)),  # swapped corners
    ],
)
def test_place_box(box: Box, expected: Rect) -> None:
    assert map_box(box, (100, 50), (10, 20, 210, 120)) == expected


def test_label_goes_above_then_below_then_to_the_sides() -> None:
    area, box, size = (0, 0, 400, 300), (150, 100, 250, 200), (60, 20)
    avoid: list[Rect] = []
    places = []
    for _ in range(4):
        spot = place_label(size, box, area, avoid)
        assert spot is not None
        places.append(spot)
        avoid.append(spot)
    assert places[0][3] <= box[1]
    assert places[1][1] >= box[3]
    assert places[2][0] >= box[2]
    assert places[3][2] <= box[0]
    assert place_label(size, box, area, avoid) is None
