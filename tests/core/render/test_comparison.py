"""The whole picture: photos of unusual sizes, captions, inputs left unmodified."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceage_core.render import Panel, encode_jpeg, render_comparison
from faceage_core.render.layout import MARGIN, MAX_HEIGHT, MAX_WIDTH, compute_layout
from faceage_core.render.shapes import BACKGROUND, CHOSEN
from tests.core.render.factories import (
    DIFFERENT_PEOPLE,
    PHOTO_COLOUR,
    SAME_PERSON,
    UNUSUAL_SIZES,
    crowd,
    face,
    panel,
)
from tests.core.render.pixels import Pixels, bounds, crop, differs, has_colour, is_inside


@pytest.mark.parametrize("size", UNUSUAL_SIZES)
def test_photos_of_unusual_sizes_are_shown(size: tuple[int, int]) -> None:
    width, height = size
    unusual = panel(
        *size,
        face(0.2 * width, 0.2 * height, 0.6 * width, 0.6 * height, chosen=False),
        face(0.3 * width, 0.1 * height, 2.0 * width, 0.4 * height),
    )
    for left, right, index in ((unusual, panel(512, 512), 0), (panel(512, 512), unusual, 1)):
        picture = render_comparison(left, right, DIFFERENT_PEOPLE)
        assert picture.dtype == np.uint8
        assert picture.shape[0] <= MAX_HEIGHT
        assert picture.shape[1] <= MAX_WIDTH
        layout = compute_layout(*((size, (512, 512)) if index == 0 else ((512, 512), size)))
        assert has_colour(crop(picture, layout.photos[index]), PHOTO_COLOUR).any()
        assert has_colour(crop(picture, layout.panels[index]), CHOSEN).any()
        assert has_colour(crop(picture, layout.panels[index]), BACKGROUND).any() == (
            max(size) > 100 * min(size)
        )


def test_both_photos_of_unusual_sizes() -> None:
    for left in UNUSUAL_SIZES[:-1]:
        for right in UNUSUAL_SIZES[:-1]:
            picture = render_comparison(panel(*left), panel(*right), SAME_PERSON)
            assert picture.shape[0] <= MAX_HEIGHT
            assert picture.shape[1] <= MAX_WIDTH
            assert has_colour(picture, PHOTO_COLOUR).any()


def test_very_small_photos_stay_squares_and_others_are_smoothed() -> None:
    checks = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    board = np.repeat(checks[:, :, np.newaxis], 3, axis=2)
    for side, is_smooth in ((8, False), (64, True)):
        picture = render_comparison(
            Panel(board[:side, :side], "", ()), panel(512, 512), SAME_PERSON
        )
        photo = crop(picture, compute_layout((side, side), (512, 512)).photos[0])
        assert (np.unique(photo).size > 2) == is_smooth
        assert photo.min() == 0
        assert photo.max() == 255


def test_colours_are_not_swapped() -> None:
    red = np.zeros((40, 40, 3), dtype=np.uint8)
    red[..., 0] = 255
    picture = render_comparison(Panel(red, "", ()), panel(40, 40), SAME_PERSON)
    assert (crop(picture, compute_layout((40, 40), (40, 40)).photos[0]) == (255, 0, 0)).all()


def test_inputs_are_not_modified_and_may_be_read_only() -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (90, 70, 3), dtype=np.uint8) for _ in range(2)]
    copies = [image.copy() for image in images]
    labels = (face(5, 5, 60, 60), face(30, 40, 69, 89, chosen=False))
    left, right = (Panel(image, "a", labels) for image in images)
    writable = render_comparison(left, right, SAME_PERSON)
    assert all(np.array_equal(a, b) for a, b in zip(images, copies, strict=True))
    for image in images:
        image.flags.writeable = False
    frozen = render_comparison(left, right, SAME_PERSON)
    assert np.array_equal(writable, frozen)
    assert frozen.flags.writeable


def test_views_give_the_same_picture_as_copies() -> None:
    image = np.random.default_rng(1).integers(0, 256, (120, 140, 3), dtype=np.uint8)
    view = image[::-2, ::2, ::-1]
    assert not view.flags.c_contiguous
    from_view, from_copy = (
        render_comparison(Panel(i, "a", ()), panel(9, 9), SAME_PERSON)
        for i in (view, np.ascontiguousarray(view))
    )
    assert np.array_equal(from_view, from_copy)


def test_drawing_is_deterministic() -> None:
    labels = crowd(8, 5, 30)
    jpegs = {
        encode_jpeg(render_comparison(panel(1100, 700, *labels), panel(60, 80), SAME_PERSON))
        for _ in range(2)
    }
    assert len(jpegs) == 1


@pytest.mark.parametrize(
    "caption",
    ["W" * 5000, "写真" * 300, "\n", "", "🧑🏽‍🚀 שלום مرحبا", "\u0301" * 9 + "a\u0489" * 99],
)
def test_captions_stay_in_their_area(caption: str) -> None:
    assert caption_is_drawn_in_its_area(caption) == bool(caption.strip())


@settings(max_examples=30, deadline=None)
@given(caption=st.text(st.characters(), min_size=1, max_size=60))
def test_any_caption_stays_in_its_area(caption: str) -> None:
    caption_is_drawn_in_its_area(caption)


@pytest.mark.parametrize(
    "names",
    [("Анна.jpg", "????.jpg"), ("Ελένη.jpg", "?????.jpg"), ("José.jpg", "Jose.jpg")],
    ids=["Cyrillic", "Greek", "accented Latin"],
)
def test_names_are_drawn_in_their_own_script(names: tuple[str, str]) -> None:
    """The drawn name differs from its replacement by "?" and has no replacement glyph."""
    name, transliterated = (caption_pixels(caption) for caption in names)
    assert not np.array_equal(name, transliterated)
    lacking = "\U0010ffff" * (len(names[0]) - 4) + ".jpg"
    assert not np.array_equal(name, caption_pixels(lacking))
    # The letters of the name differ from each other, unlike a row of one glyph.
    letters = {caption_pixels(letter).tobytes() for letter in names[0].removesuffix(".jpg")}
    assert len(letters) >= 3


def test_characters_without_a_glyph_are_drawn_as_the_replacement() -> None:
    replaced = caption_pixels("\ufffd\ufffd.jpg")
    assert np.array_equal(caption_pixels("写真.jpg"), replaced)
    assert not np.array_equal(caption_pixels(".jpg"), replaced)


def caption_pixels(caption: str) -> Pixels:
    picture = render_comparison(panel(9, 9, caption=caption), panel(9, 9), SAME_PERSON)
    return crop(picture, compute_layout((9, 9), (9, 9)).captions[0])


def caption_is_drawn_in_its_area(caption: str) -> bool:
    """Whether anything is drawn; fails if pixels beyond the area and its side margins change."""
    with_caption, without = (
        render_comparison(panel(64, 64, caption=text), panel(64, 64), SAME_PERSON)
        for text in (caption, "")
    )
    changed = differs(with_caption, without)
    if not changed.any():
        return False
    left, top, right, bottom = compute_layout((64, 64), (64, 64)).captions[0]
    # Some glyphs, such as enclosing marks, extend beyond their advance width.
    assert is_inside(bounds(changed), (left - MARGIN, top, right + MARGIN, bottom))
    return True
