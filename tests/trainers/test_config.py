"""YAML configuration files: numbers, shipped files, overrides."""

import math
from typing import Any

import pytest

from trainers.config import dump_yaml, load_yaml, parse_override

FLOATS = [
    ("1e-2", 0.01),
    ("1E3", 1000.0),
    ("1e3", 1000.0),
    ("1.5e+2", 150.0),
    ("1.5e2", 150.0),
    ("-3e-4", -0.0003),
    ("+1e1", 10.0),
    (".5", 0.5),
    ("-.5", -0.5),
    (".5e-3", 0.0005),
    ("1.", 1.0),
    ("0.003", 0.003),
    ("1_000.5", 1000.5),
    (".inf", math.inf),
]
NOT_FLOATS: list[tuple[str, Any]] = [
    ("1_000", 1000),
    ("10", 10),
    ("-1", -1),
    ("0x1e2", 482),
    ("010", 8),
    ("08", "08"),
    ('"1e-2"', "1e-2"),
    ("'1e-2'", "1e-2"),
    ("1e2a", "1e2a"),
    ("1e", "1e"),
    ("e2", "e2"),
    ("1e2.5", "1e2.5"),
    ("1.2.3", "1.2.3"),
    ("v1e2", "v1e2"),
    ("1e-", "1e-"),
    (".", "."),
    ("-", [None]),
    ("auto", "auto"),
]


@pytest.mark.parametrize(("text", "value"), FLOATS)
def test_floats_are_those_of_yaml_1_2(text: str, value: float) -> None:
    loaded = load_yaml(f"key: [{text}]")["key"][0]
    assert (type(loaded), loaded) == (float, value)
    assert parse_override(f"key={text}") == ("key", value)


@pytest.mark.parametrize(("text", "value"), NOT_FLOATS)
def test_everything_else_is_read_as_by_yaml_1_1(text: str, value: object) -> None:
    loaded = load_yaml(text)
    assert (type(loaded), loaded) == (type(value), value)


@pytest.mark.parametrize(
    "value", [0.01, 1e-5, 1e30, -0.0003, 1, True, None, "1e-2", "1.5e2", "-.5", ".", "08", "1e2a"]
)
def test_a_dumped_value_is_loaded_with_its_type(value: object) -> None:
    loaded = load_yaml(dump_yaml({"b": [value], "a": 0}))
    assert (list(loaded), type(loaded["b"][0]), loaded["b"][0]) == (["b", "a"], type(value), value)
