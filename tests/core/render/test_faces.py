"""Frames and labels of faces."""

import numpy as np
import pytest

from faceage_core.render import Label, render_comparison
from faceage_core.render.layout import MARGIN, grow, lay_out, place_box
from faceage_core.render.picture import CHOSEN, INK, WHITE
from faceage_core.types import Box
from tests.core.render.pixels import (
    DIFFERENT,
    PHOTO,
    SAME,
    bounds,
    crowd,
    cut,
    differs,
    face,
    inside,
    is_colour,
    panel,
)


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
