"""What must not break it: odd photos, odd values; and what it must not change."""

import io
import math

import numpy as np
import pytest
from PIL import Image

from faceage_core.errors import InvalidArgument
from faceage_core.render import Panel, Verdict, encode_jpeg, render_comparison
from faceage_core.render.layout import MAX_HEIGHT, MAX_WIDTH, lay_out
from faceage_core.render.picture import CHOSEN, MATTE
from tests.core.render.pixels import (
    DIFFERENT,
    ODD_SIZES,
    PHOTO,
    SAME,
    Pixels,
    crowd,
    cut,
    face,
    is_colour,
    panel,
)


@pytest.mark.parametrize("size", ODD_SIZES)
def test_odd_photos_are_shown(size: tuple[int, int]) -> None:
    width, height = size
    odd = panel(
        *size,
        face(0.2 * width, 0.2 * height, 0.6 * width, 0.6 * height, chosen=False),
        face(0.3 * width, 0.1 * height, 2.0 * width, 0.4 * height),
    )
    for left, right, index in ((odd, panel(512, 512), 0), (panel(512, 512), odd, 1)):
        picture = render_comparison(left, right, DIFFERENT)
        assert picture.dtype == np.uint8
        assert picture.shape[0] <= MAX_HEIGHT
        assert picture.shape[1] <= MAX_WIDTH
        layout = lay_out(*((size, (512, 512)) if index == 0 else ((512, 512), size)))
        assert is_colour(cut(picture, layout.photos[index]), PHOTO).any()
        assert is_colour(cut(picture, layout.panels[index]), CHOSEN).any()
        assert is_colour(cut(picture, layout.panels[index]), MATTE).any() == (
            max(size) > 100 * min(size)
        )


def test_both_photos_odd() -> None:
    for left in ODD_SIZES[:-1]:
        for right in ODD_SIZES[:-1]:
            picture = render_comparison(panel(*left), panel(*right), SAME)
            assert picture.shape[0] <= MAX_HEIGHT
            assert picture.shape[1] <= MAX_WIDTH
            assert is_colour(picture, PHOTO).any()


def test_few_pixels_stay_squares_and_more_are_smoothed() -> None:
    checks = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    board = np.repeat(checks[:, :, np.newaxis], 3, axis=2)
    for side, is_smooth in ((8, False), (64, True)):
        picture = render_comparison(Panel(board[:side, :side], "", ()), panel(512, 512), SAME)
        photo = cut(picture, lay_out((side, side), (512, 512)).photos[0])
        assert (np.unique(photo).size > 2) == is_smooth
        assert photo.min() == 0
        assert photo.max() == 255


def test_colours_are_not_swapped() -> None:
    red = np.zeros((40, 40, 3), dtype=np.uint8)
    red[..., 0] = 255
    picture = render_comparison(Panel(red, "", ()), panel(40, 40), SAME)
    assert (cut(picture, lay_out((40, 40), (40, 40)).photos[0]) == (255, 0, 0)).all()


def test_inputs_are_not_modified_and_may_be_read_only() -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (90, 70, 3), dtype=np.uint8) for _ in range(2)]
    copies = [image.copy() for image in images]
    labels = (face(5, 5, 60, 60), face(30, 40, 69, 89, chosen=False))
    left, right = (Panel(image, "a", labels) for image in images)
    writable = render_comparison(left, right, SAME)
    assert all(np.array_equal(a, b) for a, b in zip(images, copies, strict=True))
    for image in images:
        image.flags.writeable = False
    frozen = render_comparison(left, right, SAME)
    assert np.array_equal(writable, frozen)
    assert frozen.flags.writeable


def test_views_give_the_same_picture_as_copies() -> None:
    image = np.random.default_rng(1).integers(0, 256, (120, 140, 3), dtype=np.uint8)
    view = image[::-2, ::2, ::-1]
    assert not view.flags.c_contiguous
    of_view, of_copy = (
        render_comparison(Panel(i, "a", ()), panel(9, 9), SAME)
        for i in (view, np.ascontiguousarray(view))
    )
    assert np.array_equal(of_view, of_copy)


def test_drawing_is_deterministic() -> None:
    labels = crowd(8, 5, 30)
    jpegs = {
        encode_jpeg(render_comparison(panel(1100, 700, *labels), panel(60, 80), SAME))
        for _ in range(2)
    }
    assert len(jpegs) == 1


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), dtype=np.uint8),
        np.zeros((8, 8, 4), dtype=np.uint8),
        np.zeros((8, 8, 3), dtype=np.float32),
        np.zeros((0, 8, 3), dtype=np.uint8),
        np.zeros((8, 0, 3), dtype=np.uint8),
    ],
)
def test_only_rgb_bytes_are_photos(image: Pixels) -> None:
    with pytest.raises(InvalidArgument, match=r"image must be uint8 \[H, W, 3\]"):
        Panel(image, "a", ())
    with pytest.raises(InvalidArgument, match=r"picture must be uint8 \[H, W, 3\]"):
        encode_jpeg(image)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_numbers_must_be_finite(bad: float) -> None:
    with pytest.raises(InvalidArgument, match="box must have finite coordinates"):
        face(0, bad, 10, 10)
    with pytest.raises(InvalidArgument, match="similarity must be a finite number"):
        Verdict(False, bad, 0.5)
    with pytest.raises(InvalidArgument, match="threshold must be a finite number"):
        Verdict(False, 0.5, bad)


@pytest.mark.parametrize(("is_match", "similarity"), [(True, 0.4), (False, 0.6), (False, 0.5)])
def test_a_verdict_cannot_contradict_its_numbers(is_match: bool, similarity: float) -> None:
    with pytest.raises(InvalidArgument, match="is_match must follow from similarity"):
        Verdict(is_match, similarity, 0.5)


def test_jpeg_shows_the_picture_and_carries_no_metadata() -> None:
    picture = render_comparison(panel(512, 512, face(100, 50, 300, 350)), panel(60, 80), SAME)
    encoded = encode_jpeg(picture)
    with Image.open(io.BytesIO(encoded)) as image:
        assert image.format == "JPEG"
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        decoded = np.asarray(image.convert("RGB"))
    assert decoded.shape == picture.shape
    assert np.abs(decoded.astype(int) - picture).mean() < 1.5
    assert b"Exif" not in encoded
    assert b"\xff\xfe" not in encoded  # a comment


def test_jpeg_quality() -> None:
    picture = render_comparison(panel(60, 80), panel(60, 80), SAME)
    assert len(encode_jpeg(picture, quality=30)) < len(encode_jpeg(picture, quality=95))
    for quality in (0, 101):
        with pytest.raises(InvalidArgument, match=f"quality must be 1-100, got {quality}"):
            encode_jpeg(picture, quality=quality)
