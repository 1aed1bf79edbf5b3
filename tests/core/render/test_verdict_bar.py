"""The bar with the decision and its numbers."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceage_core.render import Verdict
from faceage_core.render.layout import MARGIN
from faceage_core.render.shapes import CHOSEN, DARK, MATCH, NO_MATCH, WHITE
from faceage_core.render.text import text_width
from faceage_core.render.verdict_bar import format_comparison
from tests.core.render.factories import verdict_bar
from tests.core.render.pixels import has_colour


def test_verdict_differs_in_colour_and_in_words() -> None:
    same, different = verdict_bar(Verdict(True, 0.5, 0.5)), verdict_bar(Verdict(False, 0.4, 0.5))
    assert has_colour(same, MATCH).mean() > 0.8
    assert has_colour(different, NO_MATCH).mean() > 0.8
    assert not has_colour(same, NO_MATCH).any()
    # The white pixels at the left are the sign and the words; they differ without colour.
    left = slice(0, same.shape[1] // 4)
    signs = has_colour(same, WHITE)[:, left], has_colour(different, WHITE)[:, left]
    assert min(s.sum() for s in signs) > 500
    assert (signs[0] != signs[1]).sum() > 500


def test_signs_are_drawn_and_differ() -> None:
    same, different = verdict_bar(Verdict(True, 0.5, 0.5)), verdict_bar(Verdict(False, 0.4, 0.5))
    threshold_starts = same.shape[1] - MARGIN - text_width("threshold 0.500", 32)
    tick_or_cross = slice(MARGIN, MARGIN + 32)
    comparison_sign = slice(threshold_starts - 38, threshold_starts - 8)
    for columns in (tick_or_cross, comparison_sign):
        signs = [has_colour(picture, WHITE)[:, columns] for picture in (same, different)]
        assert min(sign.sum() for sign in signs) > 30
        assert (signs[0] != signs[1]).sum() > 30


def test_numbers_are_drawn() -> None:
    right = slice(800, None)
    pictures = [
        verdict_bar(Verdict(True, 0.953, 0.925)),
        verdict_bar(Verdict(True, 0.954, 0.925)),
        verdict_bar(Verdict(True, 0.953, 0.926)),
    ]
    for a, b in pairwise(pictures):
        assert np.array_equal(a[:, :400], b[:, :400])
        assert not np.array_equal(a[:, right], b[:, right])


@pytest.mark.parametrize(
    ("similarity", "threshold", "expected"),
    [
        (0.953, 0.925, ("0.953", "≥", "0.925")),
        (0.41, 0.925, ("0.410", "<", "0.925")),
        (0.9249, 0.9251, ("0.9249", "<", "0.9251")),  # 0.925 < 0.925 in three decimals
        (0.9251, 0.9249, ("0.9251", "≥", "0.9249")),
        (0.5, 0.5, ("0.500", "≥", "0.500")),
        (0.92512345, 0.92512345, ("0.925", "≥", "0.925")),
        (0.92499999, 0.925, ("0.92499999", "<", "0.92500000")),
        (-0.00001, 0.5, ("0.000", "<", "0.500")),  # not "-0.000"
        (-0.25, -0.125, ("-0.250", "<", "-0.125")),
        (1e-30, 2e-30, ("1e-30", "<", "2e-30")),
    ],
)
def test_format_comparison(
    similarity: float, threshold: float, expected: tuple[str, str, str]
) -> None:
    assert format_comparison(Verdict(similarity >= threshold, similarity, threshold)) == expected


@given(threshold=st.floats(-1, 1), ulps=st.integers(-3, 3), offset=st.floats(-0.01, 0.01))
def test_printed_numbers_never_contradict_the_sign(
    threshold: float, ulps: int, offset: float
) -> None:
    near = threshold
    for _ in range(abs(ulps)):
        near = math.nextafter(near, math.copysign(2, ulps))
    for similarity in (near, threshold + offset):
        is_match = similarity >= threshold
        printed, sign, limit = format_comparison(Verdict(is_match, similarity, threshold))
        assert sign == ("≥" if is_match else "<")
        assert (float(printed) >= float(limit)) == is_match
        assert (printed == limit) == (similarity == threshold)


@pytest.mark.parametrize("size", [(512, 512), (10, 20_000)])
def test_long_numbers_still_fit_the_bar(size: tuple[int, int]) -> None:
    strokes = has_colour(verdict_bar(Verdict(False, math.nextafter(0.1, 0), 0.1), size), WHITE)[
        10:-10
    ]
    columns = np.flatnonzero(strokes.any(axis=0))
    assert columns[0] >= MARGIN - 1
    assert columns[-1] < strokes.shape[1] - MARGIN + 1
    # The decision and the numbers do not overlap: at least one gap is wide.
    assert np.diff(columns).max() > 12


def test_white_text_has_contrast_on_every_background() -> None:
    def luminance(colour: tuple[int, int, int]) -> float:
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in (channel / 255 for channel in colour)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for background in (CHOSEN, DARK, MATCH, NO_MATCH):  # WCAG 2.1, level AA
        assert 1.05 / (luminance(background) + 0.05) >= 4.5
