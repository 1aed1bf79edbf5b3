"""Words for a picture in Pillow's built-in font, which draws little beyond ASCII."""

import unicodedata
from functools import lru_cache
from typing import Literal

from PIL import ImageFont

from faceage_core.render.scene import Verdict

_BEYOND_ASCII = frozenset("±°·…")  # of those the font has, the ones worth keeping
_SPELLED = {
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **{"≥": ">=", "≤": "<=", "×": "x", "‘": "'", "’": "'", "“": '"', "”": '"'},
    **{"ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O"},
    **{"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i"},
}


@lru_cache(maxsize=32)
def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's built-in font at a size in pixels.

    Raises:
        RuntimeError: if Pillow was built without FreeType; the published wheels have it.
    """
    loaded = ImageFont.load_default(size)
    if not isinstance(loaded, ImageFont.FreeTypeFont):
        raise RuntimeError("drawing text needs a Pillow built with FreeType")
    return loaded


def drawable(text: str) -> str:
    """The text on one line, in the characters that the built-in font has.

    Accents are dropped ("José" becomes "Jose"), some signs are spelled out, and a character of
    another script becomes "?".
    """
    return "".join(map(_drawable_character, text)).strip()


def shorten(text: str, size: int, max_width: int) -> str:
    """The text with an ellipsis in its middle where it is wider than it may be.

    The middle, because a file name's end tells as much as its beginning.
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


def comparison(verdict: Verdict) -> tuple[str, Literal["≥", "<"], str]:
    """Similarity, sign and threshold, in three decimals or as many more as tell them apart.

    Two different numbers never print as the same one, so that the sign cannot look wrong.
    """
    sign: Literal["≥", "<"] = "≥" if verdict.is_match else "<"
    for digits in range(3, 18):
        similarity = f"{verdict.similarity:z.{digits}f}"
        threshold = f"{verdict.threshold:z.{digits}f}"
        if similarity != threshold or verdict.similarity == verdict.threshold:
            return similarity, sign, threshold
    # Only numbers next to zero get here.
    return repr(float(verdict.similarity)), sign, repr(float(verdict.threshold))


def _without_middle(text: str, kept: int) -> str:
    tail = kept // 2
    return text[: kept - tail] + "…" + text[len(text) - tail :]


def _drawable_character(character: str) -> str:
    if character in _BEYOND_ASCII or " " <= character <= "~":
        return character
    if character in _SPELLED:
        return _SPELLED[character]
    if character.isspace() or unicodedata.category(character) == "Cc":
        return " "
    parts = unicodedata.normalize("NFKD", character)
    # Marks and invisible formatting go; what is left of the letter stays if the font has it.
    visible = [p for p in parts if unicodedata.category(p) not in ("Mn", "Me", "Cf")]
    return "".join(p if " " <= p <= "~" else _SPELLED.get(p, "?") for p in visible)
