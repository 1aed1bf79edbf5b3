"""The benchmark of the detectors: how faces are counted, and a run on small photos."""

import numpy as np
import pytest

from benchmarks.detection import BASELINE, Annotated, recall_table, searches, speed_table

Boxes = list[tuple[float, ...]]


def annotated(*boxes: tuple[float, ...]) -> Annotated:
    return Annotated(b"", np.array(boxes, dtype=np.float64).reshape(-1, 4))


def recalls(photos: list[Annotated], found: list[Boxes]) -> list[str]:
    """The row of the table for a detector with these answers."""
    answers = iter([np.array(boxes, dtype=np.float64).reshape(-1, 5) for boxes in found])
    _, (row,) = recall_table({"one": lambda photo: next(answers)}, photos)
    return row


def test_each_annotated_face_is_found_once() -> None:
    photo = annotated((0, 0, 100, 100), (200, 0, 300, 100))
    twice: Boxes = [(0, 0, 100, 100, 0.9), (1, 0, 101, 100, 0.8)]
    assert recalls([photo], [twice])[1:] == ["1.000", "0.500", "0.000", "0.000", "0.500"]


def test_wrong_faces_raise_the_least_confidence() -> None:
    photo = annotated((0, 0, 100, 100), (200, 0, 225, 25))
    found: Boxes = [(0, 0, 100, 100, 0.9), (200, 0, 225, 25, 0.5), (500, 0, 600, 100, 0.6)]
    assert recalls([photo], [found])[1:] == ["1.000", "0.500", "0.000", "0.000", "1.000"]
    assert recalls([photo], [found[:2]])[1:] == ["1.000", "1.000", "1.000", "0.000", "1.000"]


@pytest.mark.slow
def test_every_search_finds_the_face_of_the_sample() -> None:
    header, rows = speed_table(searches(), [(200, 200)], rounds=1)
    assert len(header) == len(rows[0])
    assert rows[0][0] == "200 x 200"
    assert all(float(cell) > 0 for cell in rows[0][1:])
    assert header[1] == f"{BASELINE}, ms"
