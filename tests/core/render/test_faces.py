"""Frames and labels of faces."""

import numpy as np
import pytest

from faceage_core.render import FaceLabel, render_comparison
from faceage_core.render.layout import MARGIN, compute_layout, expand, map_box
from faceage_core.render.shapes import CHOSEN, DARK, WHITE
from faceage_core.types import Box
from tests.core.render.factories import (
    DIFFERENT_PEOPLE,
    PHOTO_COLOUR,
    SAME_PERSON,
    crowd,
    face,
    panel,
)
from tests.core.render.pixels import bounds, crop, differs, has_colour, is_inside


def test_chosen_frame_surrounds_the_scaled_box() -> None:
    left, right = panel(512, 512, face(100, 50, 300, 350, text="")), panel(512, 512)
    layout = compute_layout((512, 512), (512, 512))
    box = map_box(Box(100, 50, 300, 350), (512, 512), layout.photos[0])
    assert box == (173, 99, 472, 546)  # 24 + 100 * 764 / 512 and so on
    picture = render_comparison(left, right, SAME_PERSON)
    expected = np.zeros(picture.shape[:2], dtype=bool)
    expected[box[1] - 4 : box[3] + 4, box[0] - 4 : box[2] + 4] = True
    expected[box[1] : box[3], box[0] : box[2]] = False
    assert np.array_equal(has_colour(picture, CHOSEN), expected)
    assert has_colour(crop(picture, box), PHOTO_COLOUR).all()  # the face is not covered


def test_other_frames_are_thin_and_not_in_the_chosen_colour() -> None:
    other = face(100, 50, 300, 350, text="", chosen=False)
    picture = render_comparison(panel(512, 512, other), panel(512, 512), SAME_PERSON)
    layout = compute_layout((512, 512), (512, 512))
    box = map_box(other.box, (512, 512), layout.photos[0])
    assert not has_colour(picture, CHOSEN).any()
    drawn = ~has_colour(crop(picture, layout.photos[0]), PHOTO_COLOUR)
    ring = expand(box, 2, layout.photos[0])
    assert bounds(drawn) == tuple(side - MARGIN for side in ring)
    assert drawn.sum() == (ring[2] - ring[0]) * (ring[3] - ring[1]) - (box[2] - box[0]) * (
        box[3] - box[1]
    )
    assert has_colour(picture, WHITE)[box[1] - 1, box[0] : box[2]].all()
    assert has_colour(picture, DARK)[box[1] - 2, box[0] : box[2]].all()


@pytest.mark.parametrize("chosen_first", [True, False])
def test_chosen_frame_is_on_top(chosen_first: bool) -> None:
    chosen, other = face(100, 50, 300, 350, text=""), face(98, 48, 200, 200, chosen=False, text="")
    alone = render_comparison(panel(512, 512, chosen), panel(512, 512), SAME_PERSON)
    labels = (chosen, other) if chosen_first else (other, chosen)
    both = render_comparison(panel(512, 512, *labels), panel(512, 512), SAME_PERSON)
    assert np.array_equal(has_colour(both, CHOSEN), has_colour(alone, CHOSEN))


def test_each_side_gets_its_own_faces() -> None:
    layout = compute_layout((512, 512), (512, 512))
    picture = render_comparison(panel(512, 512), panel(512, 512, face(9, 9, 200, 200)), SAME_PERSON)
    assert not has_colour(crop(picture, layout.panels[0]), CHOSEN).any()
    assert has_colour(crop(picture, layout.panels[1]), CHOSEN).any()


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
    layout = compute_layout((512, 512), (512, 512))
    with_text = render_comparison(
        panel(512, 512), panel(512, 512, face(*box, text=text)), DIFFERENT_PEOPLE
    )
    frame_only = render_comparison(
        panel(512, 512), panel(512, 512, face(*box, text="")), DIFFERENT_PEOPLE
    )
    accent = has_colour(with_text, CHOSEN)
    assert is_inside(bounds(accent), layout.panels[1])
    assert accent.sum() - has_colour(frame_only, CHOSEN).sum() > 1000
    changed = differs(with_text, frame_only)
    assert is_inside(bounds(changed), layout.panels[1])


def test_labels_of_a_crowd_cover_no_face() -> None:
    labels = crowd(8, 5, 80)
    width, height = 8 * 180 + 80, 5 * 180 + 80
    picture = render_comparison(panel(width, height, *labels), panel(512, 512), SAME_PERSON)
    layout = compute_layout((width, height), (512, 512))
    for label in labels:
        box = map_box(label.box, (width, height), layout.photos[0])
        assert has_colour(crop(picture, box), PHOTO_COLOUR).all()
    # Labels are drawn: far more dark pixels than 40 thin frames have.
    unlabelled = tuple(FaceLabel(label.box, "", label.chosen) for label in labels)
    without_labels = render_comparison(
        panel(width, height, *unlabelled), panel(512, 512), SAME_PERSON
    )
    photo = layout.photos[0]
    ink = (
        has_colour(crop(picture, photo), DARK).sum()
        - has_colour(crop(without_labels, photo), DARK).sum()
    )
    assert ink > 30 * 500


def test_in_a_tight_crowd_only_the_chosen_face_has_a_label() -> None:
    labels = crowd(8, 5, 0)
    picture = render_comparison(panel(800, 500, *labels), panel(512, 512), SAME_PERSON)
    alone = tuple(
        FaceLabel(label.box, label.text if label.chosen else "", label.chosen) for label in labels
    )
    assert np.array_equal(
        picture, render_comparison(panel(800, 500, *alone), panel(512, 512), SAME_PERSON)
    )
    no_labels = tuple(FaceLabel(label.box, "", label.chosen) for label in labels)
    without_labels = render_comparison(panel(800, 500, *no_labels), panel(512, 512), SAME_PERSON)
    assert has_colour(picture, CHOSEN).sum() - has_colour(without_labels, CHOSEN).sum() > 1000
    chosen = next(label for label in labels if label.chosen)
    box = map_box(chosen.box, (800, 500), compute_layout((800, 500), (512, 512)).photos[0])
    # Its label covers a neighbour, not itself; only the frames of neighbours reach into its box.
    left, top, right, bottom = box
    assert has_colour(crop(picture, (left + 2, top + 2, right - 2, bottom - 2)), PHOTO_COLOUR).all()
