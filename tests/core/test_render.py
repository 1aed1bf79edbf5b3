"""The comparison picture: what must be where, what must be legible, and what must not break it."""

import io
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from faceage_core.errors import InvalidArgument
from faceage_core.render import Label, Panel, Verdict, encode_jpeg, render_comparison
from faceage_core.render.layout import (
    MARGIN,
    MAX_HEIGHT,
    MAX_WIDTH,
    Rect,
    grow,
    lay_out,
    place_box,
    place_label,
)
from faceage_core.render.picture import CHOSEN, INK, MATCH, MATTE, NO_MATCH, WHITE
from faceage_core.render.text import comparison, drawable, font, shorten
from faceage_core.types import Box

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

PHOTO = (10, 60, 30)  # unlike every colour that is drawn
SAME = Verdict(True, 0.953, 0.925)
DIFFERENT = Verdict(False, 0.41, 0.925)
ODD_SIZES = [(1, 1), (12, 12), (60, 80), (20_000, 10), (10, 20_000), (8_000, 5_000)]


def flat(width: int, height: int) -> Pixels:
    return np.full((height, width, 3), PHOTO, dtype=np.uint8)


def panel(width: int, height: int, *labels: Label, caption: str = "photo.jpg") -> Panel:
    return Panel(flat(width, height), caption, labels)


def face(
    x1: float, y1: float, x2: float, y2: float, *, text: str = "48 y  (41-55)", chosen: bool = True
) -> Label:
    return Label(Box(x1, y1, x2, y2), text, chosen)


def is_colour(picture: Pixels, colour: tuple[int, int, int]) -> Mask:
    red, green, blue = (picture[..., i] == colour[i] for i in range(3))
    return np.asarray(red & green & blue)


def differs(a: Pixels, b: Pixels) -> Mask:
    red, green, blue = (a[..., i] != b[..., i] for i in range(3))
    return np.asarray(red | green | blue)


def cut(picture: Pixels, rect: Rect) -> Pixels:
    left, top, right, bottom = rect
    return picture[top:bottom, left:right]


def inside(rect: Rect, area: Rect) -> bool:
    return area[0] <= rect[0] < rect[2] <= area[2] and area[1] <= rect[1] < rect[3] <= area[3]


def bounds(mask: Mask) -> Rect:
    ys, xs = np.nonzero(mask)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


# Layout


@pytest.mark.parametrize(
    ("left", "right", "size"),
    [
        ((512, 512), (512, 512), (1600, 940)),  # squares share the width
        ((600, 1000), (300, 500), (1128, 1056)),  # portraits reach the full height
        ((4000, 2000), (2000, 2000), (1599, 685)),  # one height, widths as the photos need
    ],
)
def test_known_sizes(left: tuple[int, int], right: tuple[int, int], size: tuple[int, int]) -> None:
    assert lay_out(left, right).size == size
    assert render_comparison(panel(*left), panel(*right), SAME).shape == (size[1], size[0], 3)


sides = st.one_of(st.integers(1, 30_000), st.integers(1, 50))


@given(left=st.tuples(sides, sides), right=st.tuples(sides, sides))
def test_layout_is_bounded_and_its_parts_do_not_collide(
    left: tuple[int, int], right: tuple[int, int]
) -> None:
    layout = lay_out(left, right)
    canvas = (0, 0, *layout.size)
    assert layout.size[0] <= MAX_WIDTH
    assert layout.size[1] <= MAX_HEIGHT
    for area in (*layout.panels, *layout.captions, layout.verdict):
        assert inside(area, canvas)
    assert layout.panels[0][2] < layout.panels[1][0]
    for i, (width, height) in enumerate((left, right)):
        photo = layout.photos[i]
        assert inside(photo, layout.panels[i])
        assert layout.panels[i][3] <= layout.captions[i][1] < layout.captions[i][3]
        assert layout.captions[i][3] <= layout.verdict[1]
        # The photo's shape is kept, to the rounding of both sides.
        scaled_width, scaled_height = photo[2] - photo[0], photo[3] - photo[1]
        if width >= height:
            assert abs(scaled_height - max(1, height * scaled_width / width)) <= 1
        else:
            assert abs(scaled_width - max(1, width * scaled_height / height)) <= 1


def test_ordinary_photos_fill_their_panels() -> None:
    layout = lay_out((626, 1200), (910, 1137))
    for photo, area in zip(layout.photos, layout.panels, strict=True):
        assert abs((photo[2] - photo[0]) - (area[2] - area[0])) <= 1
        assert abs((photo[3] - photo[1]) - (area[3] - area[1])) <= 1


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(10, 5, 30, 25), (30, 30, 70, 70)),  # twice as large, shifted by (10, 20)
        (Box(-50, -50, 30, 25), (10, 20, 70, 70)),
        (Box(90, 40, 1e9, 1e9), (190, 100, 210, 120)),
        (Box(500, 500, 600, 600), (209, 119, 210, 120)),  # outside: a pixel at the nearest corner
        (Box(-9, -9, -5, -5), (10, 20, 11, 21)),
        (Box(50, 25, 50, 25), (110, 70, 111, 71)),
        (Box(30, 25, 10, 5), (30, 30, 70, 70)),  # corners the wrong way round
    ],
)
def test_place_box(box: Box, expected: Rect) -> None:
    assert place_box(box, (100, 50), (10, 20, 210, 120)) == expected


def test_label_goes_above_then_below_then_to_the_sides() -> None:
    area, box, size = (0, 0, 400, 300), (150, 100, 250, 200), (60, 20)
    avoid: list[Rect] = []
    places = []
    for _ in range(4):
        spot = place_label(size, box, area, avoid)
        assert spot is not None
        places.append(spot)
        avoid.append(spot)
    assert places[0][3] <= box[1]
    assert places[1][1] >= box[3]
    assert places[2][0] >= box[2]
    assert places[3][2] <= box[0]
    assert place_label(size, box, area, avoid) is None


# The faces


def test_chosen_frame_lies_round_the_scaled_box() -> None:
    left, right = panel(512, 512, face(100, 50, 300, 350, text="")), panel(512, 512)
    layout = lay_out((512, 512), (512, 512))
    box = place_box(Box(100, 50, 300, 350), (512, 512), layout.photos[0])
    assert box == (173, 99, 472, 546)  # 24 + 100 * 764 / 512 and so on
    picture = render_comparison(left, right, SAME)
    expected = np.zeros(picture.shape[:2], dtype=bool)
    expected[box[1] - 4 : box[3] + 4, box[0] - 4 : box[2] + 4] = True
    expected[box[1] : box[3], box[0] : box[2]] = False
    assert np.array_equal(is_colour(picture, CHOSEN), expected)
    assert is_colour(cut(picture, box), PHOTO).all()  # nothing of the face itself is covered


def test_other_faces_are_thin_and_without_the_accent() -> None:
    other = face(100, 50, 300, 350, text="", chosen=False)
    picture = render_comparison(panel(512, 512, other), panel(512, 512), SAME)
    layout = lay_out((512, 512), (512, 512))
    box = place_box(other.box, (512, 512), layout.photos[0])
    assert not is_colour(picture, CHOSEN).any()
    drawn = ~is_colour(cut(picture, layout.photos[0]), PHOTO)
    ring = grow(box, 2, layout.photos[0])
    assert bounds(drawn) == tuple(side - MARGIN for side in ring)
    assert drawn.sum() == (ring[2] - ring[0]) * (ring[3] - ring[1]) - (box[2] - box[0]) * (
        box[3] - box[1]
    )
    assert is_colour(picture, WHITE)[box[1] - 1, box[0] : box[2]].all()
    assert is_colour(picture, INK)[box[1] - 2, box[0] : box[2]].all()


@pytest.mark.parametrize("chosen_first", [True, False])
def test_chosen_frame_is_on_top(chosen_first: bool) -> None:
    chosen, other = face(100, 50, 300, 350, text=""), face(98, 48, 200, 200, chosen=False, text="")
    alone = render_comparison(panel(512, 512, chosen), panel(512, 512), SAME)
    labels = (chosen, other) if chosen_first else (other, chosen)
    both = render_comparison(panel(512, 512, *labels), panel(512, 512), SAME)
    assert np.array_equal(is_colour(both, CHOSEN), is_colour(alone, CHOSEN))


def test_each_side_gets_its_own_faces() -> None:
    layout = lay_out((512, 512), (512, 512))
    picture = render_comparison(panel(512, 512), panel(512, 512, face(9, 9, 200, 200)), SAME)
    assert not is_colour(cut(picture, layout.panels[0]), CHOSEN).any()
    assert is_colour(cut(picture, layout.panels[1]), CHOSEN).any()


@pytest.mark.parametrize(
    "box",
    [
        (0, 0, 40, 50),
        (472, 0, 512, 50),
        (0, 462, 40, 512),
        (472, 462, 512, 512),
        (-100, -100, 30, 30),
        (490, 490, 900, 900),
        (250, 250, 252, 252),  # far smaller than its label
        (0, 0, 512, 512),  # no room beside it
        (-50, -50, 600, 600),
        (900, 900, 950, 950),
    ],
)
@pytest.mark.parametrize("text", ["48 y  (41-55)", "long " * 100])
def test_chosen_label_is_drawn_and_stays_inside_its_panel(
    box: tuple[float, float, float, float], text: str
) -> None:
    layout = lay_out((512, 512), (512, 512))
    with_text = render_comparison(
        panel(512, 512), panel(512, 512, face(*box, text=text)), DIFFERENT
    )
    frame_only = render_comparison(panel(512, 512), panel(512, 512, face(*box, text="")), DIFFERENT)
    accent = is_colour(with_text, CHOSEN)
    assert inside(bounds(accent), layout.panels[1])
    assert accent.sum() - is_colour(frame_only, CHOSEN).sum() > 1000
    changed = differs(with_text, frame_only)
    assert inside(bounds(changed), layout.panels[1])


def crowd(columns: int, rows: int, gap: float) -> tuple[Label, ...]:
    """Faces of 100 x 100 in a grid, gap pixels apart; the one in the middle is chosen."""
    step = 100 + gap
    chosen = (rows // 2) * columns + columns // 2
    boxes = [
        (gap + x * step, gap + y * step, gap + x * step + 100, gap + y * step + 100)
        for y in range(rows)
        for x in range(columns)
    ]
    return tuple(face(*box, chosen=i == chosen) for i, box in enumerate(boxes))


def test_labels_of_a_crowd_hide_no_face() -> None:
    labels = crowd(8, 5, 80)
    width, height = 8 * 180 + 80, 5 * 180 + 80
    picture = render_comparison(panel(width, height, *labels), panel(512, 512), SAME)
    layout = lay_out((width, height), (512, 512))
    for label in labels:
        box = place_box(label.box, (width, height), layout.photos[0])
        assert is_colour(cut(picture, box), PHOTO).all()
    # Labels are there: far more ink than the 40 hairlines have.
    texts_left_out = tuple(Label(label.box, "", label.chosen) for label in labels)
    bare = render_comparison(panel(width, height, *texts_left_out), panel(512, 512), SAME)
    photo = layout.photos[0]
    ink = is_colour(cut(picture, photo), INK).sum() - is_colour(cut(bare, photo), INK).sum()
    assert ink > 30 * 500


def test_in_a_tight_crowd_only_the_compared_face_keeps_its_label() -> None:
    labels = crowd(8, 5, 0)
    picture = render_comparison(panel(800, 500, *labels), panel(512, 512), SAME)
    alone = tuple(
        Label(label.box, label.text if label.chosen else "", label.chosen) for label in labels
    )
    assert np.array_equal(
        picture, render_comparison(panel(800, 500, *alone), panel(512, 512), SAME)
    )
    nobody = tuple(Label(label.box, "", label.chosen) for label in labels)
    bare = render_comparison(panel(800, 500, *nobody), panel(512, 512), SAME)
    assert is_colour(picture, CHOSEN).sum() - is_colour(bare, CHOSEN).sum() > 1000
    chosen = next(label for label in labels if label.chosen)
    box = place_box(chosen.box, (800, 500), lay_out((800, 500), (512, 512)).photos[0])
    # Its label hides a neighbour, not itself; only the neighbours' frames reach into its box.
    left, top, right, bottom = box
    assert is_colour(cut(picture, (left + 2, top + 2, right - 2, bottom - 2)), PHOTO).all()


# The verdict


def bar(verdict: Verdict, size: tuple[int, int] = (512, 512)) -> Pixels:
    picture = render_comparison(panel(*size), panel(*size), verdict)
    return cut(picture, lay_out(size, size).verdict)


def test_verdict_differs_in_colour_and_in_words() -> None:
    same, different = bar(Verdict(True, 0.5, 0.5)), bar(Verdict(False, 0.4, 0.5))
    assert is_colour(same, MATCH).mean() > 0.8
    assert is_colour(different, NO_MATCH).mean() > 0.8
    assert not is_colour(same, NO_MATCH).any()
    # White strokes at the left are sign and words; they differ without any colour.
    left = slice(0, same.shape[1] // 4)
    signs = is_colour(same, WHITE)[:, left], is_colour(different, WHITE)[:, left]
    assert min(s.sum() for s in signs) > 500
    assert (signs[0] != signs[1]).sum() > 500


def test_signs_are_drawn_and_differ() -> None:
    same, different = bar(Verdict(True, 0.5, 0.5)), bar(Verdict(False, 0.4, 0.5))
    threshold_starts = same.shape[1] - MARGIN - round(font(32).getlength("threshold 0.500"))
    tick_or_cross = slice(MARGIN, MARGIN + 32)
    comparison_sign = slice(threshold_starts - 36, threshold_starts - 8)
    for columns in (tick_or_cross, comparison_sign):
        signs = [is_colour(picture, WHITE)[:, columns] for picture in (same, different)]
        assert min(sign.sum() for sign in signs) > 30
        assert (signs[0] != signs[1]).sum() > 30


def test_numbers_are_drawn() -> None:
    right = slice(800, None)
    pictures = [
        bar(Verdict(True, 0.953, 0.925)),
        bar(Verdict(True, 0.954, 0.925)),
        bar(Verdict(True, 0.953, 0.926)),
    ]
    for a, b in pairwise(pictures):
        assert np.array_equal(a[:, :400], b[:, :400])
        assert not np.array_equal(a[:, right], b[:, right])


@pytest.mark.parametrize(
    ("similarity", "threshold", "expected"),
    [
        (0.953, 0.925, ("0.953", "≥", "0.925")),
        (0.41, 0.925, ("0.410", "<", "0.925")),
        (0.9249, 0.9251, ("0.9249", "<", "0.9251")),  # 0.925 < 0.925 in three decimals
        (0.9251, 0.9249, ("0.9251", "≥", "0.9249")),
        (0.5, 0.5, ("0.500", "≥", "0.500")),
        (0.92512345, 0.92512345, ("0.925", "≥", "0.925")),
        (0.92499999, 0.925, ("0.92499999", "<", "0.92500000")),
        (-0.00001, 0.5, ("0.000", "<", "0.500")),  # not "-0.000"
        (-0.25, -0.125, ("-0.250", "<", "-0.125")),
        (1e-30, 2e-30, ("1e-30", "<", "2e-30")),
    ],
)
def test_comparison(similarity: float, threshold: float, expected: tuple[str, str, str]) -> None:
    assert comparison(Verdict(similarity >= threshold, similarity, threshold)) == expected


@given(threshold=st.floats(-1, 1), ulps=st.integers(-3, 3), offset=st.floats(-0.01, 0.01))
def test_printed_numbers_never_contradict_the_sign(
    threshold: float, ulps: int, offset: float
) -> None:
    near = threshold
    for _ in range(abs(ulps)):
        near = math.nextafter(near, math.copysign(2, ulps))
    for similarity in (near, threshold + offset):
        is_match = similarity >= threshold
        printed, sign, limit = comparison(Verdict(is_match, similarity, threshold))
        assert sign == ("≥" if is_match else "<")
        assert (float(printed) >= float(limit)) == is_match
        assert (printed == limit) == (similarity == threshold)


@pytest.mark.parametrize("size", [(512, 512), (10, 20_000)])
def test_long_numbers_still_fit_the_bar(size: tuple[int, int]) -> None:
    strokes = is_colour(bar(Verdict(False, math.nextafter(0.1, 0), 0.1), size), WHITE)[10:-10]
    columns = np.flatnonzero(strokes.any(axis=0))
    assert columns[0] >= MARGIN - 1
    assert columns[-1] < strokes.shape[1] - MARGIN + 1
    # Words and numbers do not run into each other: some gap between the letters is a wide one.
    assert np.diff(columns).max() > 12


def test_white_text_has_contrast_on_every_background() -> None:
    def luminance(colour: tuple[int, int, int]) -> float:
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in (channel / 255 for channel in colour)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for background in (CHOSEN, INK, MATCH, NO_MATCH):  # WCAG 2.1, level AA
        assert 1.05 / (luminance(background) + 0.05) >= 4.5


# Text


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


# Odd photos


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


# Purity


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


# Values


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


# JPEG


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
