"""Faces found in a photo are matched with its annotations."""

from typing import Any

from benchmarks.detection import match
from faceage_core.types import Box, Face


def face(x1: float, y1: float, x2: float, y2: float, confidence: float = 0.9) -> Face:
    return Face(Box(x1, y1, x2, y2), ((x1, y1),) * 5, confidence)


def photo(*boxes_xywh: tuple[float, ...], invalid: tuple[int, ...] = ()) -> dict[str, Any]:
    return {"boxes_xywh": boxes_xywh, "invalid": invalid or (0,) * len(boxes_xywh)}


def test_faces_are_found_missed_or_wrong() -> None:
    row = photo((0, 0, 50, 60), (100, 0, 30, 40))
    found = match([face(2, 2, 52, 62), face(300, 300, 330, 330)], row)
    assert (found.found_px, found.missed_px, found.wrong) == ((60,), (40,), 1)
    assert found.precision == 0.5


def test_a_second_box_on_a_face_is_wrong() -> None:
    found = match([face(0, 0, 50, 60), face(1, 1, 51, 61)], photo((0, 0, 50, 60)))
    assert (found.found_px, found.wrong) == ((60,), 1)


def test_the_most_confident_box_is_matched_first() -> None:
    row = photo((0, 0, 50, 60), (20, 0, 50, 60))
    # The second box fits both faces; the better one fits the first face only.
    found = match([face(10, 0, 60, 60, 0.7), face(-5, 0, 45, 60, 0.9)], row)
    assert (found.found_px, found.wrong) == ((60, 60), 0)


def test_small_boxes_and_faces_marked_invalid_do_not_count() -> None:
    found = match([face(0, 0, 50, 60), face(200, 0, 210, 19)], photo((0, 0, 50, 60), invalid=(1,)))
    assert (found.found_px, found.missed_px, found.wrong) == ((), (), 0)


def test_recall_is_counted_by_height() -> None:
    row = photo((0, 0, 20, 24), (100, 0, 50, 64), (200, 0, 50, 70))
    found = match([face(100, 0, 150, 64)], row)
    assert found.recall(20, 32) == (0.0, 1)
    assert found.recall(32, 64) == (0.0, 0)
    assert found.recall(64, None) == (0.5, 2)
