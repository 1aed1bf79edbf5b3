"""The comparison of answers that other tests use."""

from typing import Any

import pytest

from tests.answers import same_answer

ANSWER: dict[str, Any] = {
    "request_id": "1",
    "name": "a.jpg",
    "faces": [{"age": 40.0, "gender": None}],
}


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"request_id": "2"}, True),
        ({"faces": [{"age": 40.01, "gender": None}]}, True),
        ({"faces": [{"age": 40.1, "gender": None}]}, False),
        ({"faces": [{"age": 40.0, "gender": "male"}]}, False),
        ({"faces": []}, False),
        ({"name": "b.jpg"}, False),
        ({"more": 1}, False),
    ],
)
def test_answers_are_the_same_up_to_rounding(changes: dict[str, Any], same: bool) -> None:
    assert same_answer({**ANSWER, **changes}, ANSWER) is same
