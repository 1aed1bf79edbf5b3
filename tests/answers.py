"""Comparing the answers of the service with those of the library."""

from typing import Any

import pytest

# An engine may round differently for another batch, so that the last digits of a number depend on
# the photos that share it. Two photos differ by far more.
TOLERANCE = 0.02


def without_id(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without the id of its request."""
    return {key: value for key, value in answer.items() if key != "request_id"}


def same_answer(found: dict[str, Any], expected: dict[str, Any]) -> bool:
    """Whether two answers are equal up to the rounding of numbers, whatever their request ids."""
    return bool(
        _values(without_id(found)) == pytest.approx(_values(without_id(expected)), abs=TOLERANCE)
    )


def _values(answer: Any, path: str = "") -> dict[str, Any]:
    """Every value of an answer by its place."""
    if not isinstance(answer, dict | list):
        return {path: answer}
    items = answer.items() if isinstance(answer, dict) else enumerate(answer)
    parts = [_values(value, f"{path}/{key}") for key, value in items]
    return {place: value for part in parts for place, value in part.items()}
