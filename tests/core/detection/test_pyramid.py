"""The pyramid: its scales, and how levels share a canvas."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceage_core.detection.pyramid import CELL_PX, Level, canvases
from faceage_core.detection.settings import MtcnnSettings

sides = st.integers(min_value=1, max_value=3000)


def levels(height: int, width: int, **settings: float) -> list[Level]:
    found = canvases(height, width, MtcnnSettings(**settings))  # type: ignore[arg-type]
    return [level for canvas in found for level in canvas.levels]


def test_the_levels_of_facenet_pytorch() -> None:
    # int(side * scale + 1) for 12 / 20 * 0.709 ** k while the shorter side is 12 or more.
    sizes = [(level.height, level.width) for level in levels(100, 50)]
    assert sizes == [(61, 31), (43, 22), (31, 16)]


def test_the_smallest_face_follows_the_photo_where_it_is_large() -> None:
    (small, *_), (large, *_) = (
        levels(side, side, min_face_px=20, min_face_share=0.04) for side in (400, 2000)
    )
    assert small.scale == pytest.approx(12 / 20)
    assert large.scale == pytest.approx(12 / 80)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (19, 500), (500, 19)])
def test_a_photo_below_one_cell_has_no_levels(size: tuple[int, int], shared: bool) -> None:
    assert canvases(*size, MtcnnSettings(shared_canvas=shared)) == []


@given(sides, sides)
def test_levels_on_a_shared_canvas_are_apart_and_inside(height: int, width: int) -> None:
    found = canvases(height, width, MtcnnSettings(shared_canvas=True, min_face_share=0.01))
    for canvas in found:
        assert (canvas.height % 16, canvas.width % 16) == (0, 0)
        for level in canvas.levels:
            assert 0 <= level.top <= level.top + level.height <= canvas.height
            assert 0 <= level.left <= level.left + level.width <= canvas.width
            assert (level.top % 2, level.left % 2) == (0, 0)
            assert min(level.height, level.width) >= CELL_PX
        for one, other in combinations(canvas.levels, 2):
            assert (
                one.top + one.height <= other.top
                or other.top + other.height <= one.top
                or one.left + one.width <= other.left
                or other.left + other.width <= one.left
            )


@given(sides, sides)
def test_a_shared_canvas_has_the_scales_of_separate_ones(height: int, width: int) -> None:
    own, shared = levels(height, width), levels(height, width, shared_canvas=True)
    assert [level.scale for level in own] == [level.scale for level in shared]
    assert all(abs(a.width - b.width) <= 2 for a, b in zip(own, shared, strict=True))
