"""What must be legible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceage_core.render import render_comparison
from faceage_core.render.layout import lay_out
from faceage_core.render.text import drawable, font, shorten
from tests.core.render.pixels import SAME, bounds, differs, inside, panel


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("48 y  (41-55)", "48 y  (41-55)"),
        ("48 y (41–55) ±7", "48 y (41-55) ±7"),
        ("José Müller, Łódź.jpg", "Jose Muller, Lodz.jpg"),
        ("Jose\u0301.jpg", "Jose.jpg"),  # the accent as a character of its own
        ("straße ≥ 3×4", "strasse >= 3x4"),
        ("写真.jpg", "??.jpg"),
        ("😀\ufe0f.png", "?.png"),
        ("a\tb\nc\x00d", "a b c d"),
        ("\u202egpj.exe", "gpj.exe"),  # a name must not turn the direction of the line
        ("\udce9t\udce9.jpg", "?t?.jpg"),  # undecodable bytes of a file name
        ("", ""),
    ],
)
def test_drawable(text: str, expected: str) -> None:
    assert drawable(text) == expected


@given(text=st.text(st.characters()))
def test_drawable_leaves_only_what_the_font_has(text: str) -> None:
    assert set(drawable(text)) <= {*map(chr, range(32, 127)), "±", "°", "·", "…"}


def test_the_font_has_what_drawable_leaves() -> None:
    missing = bytes(font(20).getmask("\U0010ffff"))
    assert bytes(font(20).getmask("≥")) == missing  # why the sign is drawn as strokes
    for character in [*map(chr, range(33, 127)), "±", "°", "·", "…"]:
        assert bytes(font(20).getmask(character)) != missing, character


def test_shorten_keeps_both_ends() -> None:
    name = "IMG_2009_" + "x" * 500 + "_final.jpg"
    short = shorten(name, 20, 300)
    head, tail = short.split("…")
    assert name.startswith(head)
    assert name.endswith(tail)
    assert abs(len(head) - len(tail)) <= 1
    width = font(20).getlength(short)
    assert 280 < width <= 300
    assert shorten("photo.jpg", 20, 300) == "photo.jpg"
    assert shorten(name, 20, 0) == "…"


@pytest.mark.parametrize("caption", ["W" * 5000, "写真" * 300, "\n", "", "🧑🏽‍🚀 שלום مرحبا"])
def test_captions_stay_in_their_place(caption: str) -> None:
    left, right = panel(512, 512, caption=caption), panel(512, 512, caption="")
    picture = render_comparison(left, right, SAME)
    empty = render_comparison(panel(512, 512, caption=""), right, SAME)
    changed = differs(picture, empty)
    assert changed.any() == bool(caption.strip())
    if changed.any():
        assert inside(bounds(changed), lay_out((512, 512), (512, 512)).captions[0])
