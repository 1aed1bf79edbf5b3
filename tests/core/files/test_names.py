"""File names as printable text."""

import os

import pytest

from faceage_core.files.names import printable_name


@pytest.mark.parametrize("name", ["", "a b.jpg", "写真/é [b].png", "C:\\x"])
def test_a_valid_name_is_unchanged(name: str) -> None:
    assert printable_name(name) == name


def test_an_undecodable_byte_is_escaped() -> None:
    name = os.fsdecode(b"caf\xe9/\xff.jpg")
    assert printable_name(name) == r"caf\udce9/\udcff.jpg"
    printable_name(name).encode()
