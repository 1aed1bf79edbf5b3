"""The font, printable characters and truncation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceage_core.render.text import REPLACEMENT, font, printable, truncate_middle


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("48 y  (41-55)", "48 y  (41-55)"),
        ("48 y (41–55) ±7", "48 y (41–55) ±7"),
        ("José Müller, Łódź.jpg", "José Müller, Łódź.jpg"),
        ("Jose\u0301.jpg", "José.jpg"),  # the accent as a character of its own
        ("straße ≥ 3×4", "straße ≥ 3×4"),
        ("Анна Щёголева.jpg", "Анна Щёголева.jpg"),
        ("Ελένη Παπαδοπούλου.jpg", "Ελένη Παπαδοπούλου.jpg"),
        ("שלום مرحبا", "שלום مرحبا"),
        ("写真.jpg", "\ufffd\ufffd.jpg"),
        ("न\u092e\u0938\u094d\u0924\u0947", "\ufffd" * 4),  # combining marks without a glyph
        ("a\tb\nc\x00d", "a b c d"),
        ("\u202egpj.exe", "gpj.exe"),  # a name must not change the direction of the line
        ("\udce9t\udce9.jpg", "\ufffdt\ufffd.jpg"),  # undecodable bytes of a file name
        (" \u0301\u0302 a", "a"),  # combining marks without a letter
        ("", ""),
    ],
)
def test_printable(text: str, expected: str) -> None:
    assert printable(text) == expected


@given(text=st.text(st.characters(), max_size=30))
def test_printable_leaves_only_characters_with_a_glyph(text: str) -> None:
    missing = glyph("\U0010ffff")
    line = printable(text)
    assert all(glyph(character) != missing for character in line)
    assert line == printable(line)


def test_the_font_has_the_signs_of_the_picture() -> None:
    for character in "≥<✔✘…" + REPLACEMENT:
        assert glyph(character) != glyph("\U0010ffff"), character


def test_truncate_middle_keeps_both_ends() -> None:
    name = "IMG_2009_" + "x" * 500 + "_final.jpg"
    short = truncate_middle(name, 20, 300)
    head, tail = short.split("…")
    assert name.startswith(head)
    assert name.endswith(tail)
    assert abs(len(head) - len(tail)) <= 1
    assert 280 < font(20).getlength(short) <= 300
    assert truncate_middle("photo.jpg", 20, 300) == "photo.jpg"
    assert truncate_middle(name, 20, 0) == "…"


def glyph(character: str) -> bytes:
    return bytes(font(20).getmask(character))
