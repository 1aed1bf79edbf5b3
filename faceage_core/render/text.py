"""Text in DejaVu Sans: the font, the characters it has, and the width of a line.

The font file ships with the package (`fonts/`), so that names in Latin, Cyrillic, Greek and many
other scripts are drawn, and every machine draws the same picture. Characters are placed from left
to right without shaping: Hebrew and Arabic letters appear in logical order and isolated forms.
"""

import unicodedata
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_FONT_FILE = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
_NONCHARACTER = "\U0010ffff"  # no font has a glyph for it
_PROBE_SIZE = 32


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans at a size in pixels.

    Raises:
        ImportError: Pillow was built without FreeType; the published wheels have it.
    """
    # The basic layout: Raqm is used only where the machine has the FriBiDi library.
    return ImageFont.truetype(_FONT_FILE, size, layout_engine=ImageFont.Layout.BASIC)


def printable(text: str) -> str:
    """The text on one line, limited to characters that the font has.

    White space and control characters become spaces. Invisible formatting, such as a change of
    the writing direction, is removed, and so are combining marks that have no glyph or no letter
    before them. Any other character without a glyph becomes U+FFFD.
    """
    composed = unicodedata.normalize("NFC", text)
    line = "".join(map(_printable_character, composed)).strip()
    while line and unicodedata.category(line[0]).startswith("M"):
        line = line[1:].lstrip()
    return line


def text_width(text: str, size: int) -> int:
    """The width of a line in pixels."""
    return round(font(size).getlength(text))


def truncate_middle(text: str, size: int, max_width: int) -> str:
    """The text, with an ellipsis in the middle if it is wider than `max_width` pixels.

    The middle is cut because both the start and the end of a file name identify the file.
    """
    measure = font(size).getlength
    if measure(text) <= max_width:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        kept = (fits + too_long) // 2
        if measure(_without_middle(text, kept)) <= max_width:
            fits = kept
        else:
            too_long = kept
    return _without_middle(text, fits)


def _without_middle(text: str, kept: int) -> str:
    tail = kept // 2
    return text[: kept - tail] + "…" + text[len(text) - tail :]


def _printable_character(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace() or category == "Cc":
        return " "
    if category == "Cf":
        return ""
    if _has_glyph(character):
        return character
    return "" if category.startswith("M") else REPLACEMENT


@lru_cache(maxsize=4096)
def _has_glyph(character: str) -> bool:
    """Whether the font draws more than its placeholder for missing characters."""
    draw = font(_PROBE_SIZE).getmask
    return bytes(draw(character)) != bytes(draw(_NONCHARACTER))
