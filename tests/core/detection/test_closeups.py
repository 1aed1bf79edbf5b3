"""Photos filled by a face: a tight crop gives the same landmarks as the whole photo."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.model_card import DetectorCard
from faceage_core.detection import closeups
from faceage_core.detection.mtcnn import Mtcnn
from faceage_core.detection.settings import MtcnnSettings, parse_settings
from faceage_core.images import decode
from faceage_core.types import Box, Face
from tests.core.detection.shipped import load_shipped


def face(x1: float, y1: float, x2: float, y2: float) -> Face:
    return Face(Box(x1, y1, x2, y2), ((x1, y1),) * 5, 0.99)


def shipped_settings() -> MtcnnSettings:
    return parse_settings(shipped_card("mtcnn", DetectorCard), MtcnnSettings)


@pytest.fixture(scope="module")
def mtcnn() -> Mtcnn:
    return load_shipped(shipped_settings())


def tight(image: NDArray[np.uint8], found: Face) -> tuple[NDArray[np.uint8], int, int]:
    """The part of a photo from the forehead to the chin, and its corner."""
    box = found.box
    left, top = int(box.x1 + 0.02 * box.width), int(box.y1 + 0.22 * box.height)
    right, bottom = int(box.x2 - 0.02 * box.width), int(box.y2 - 0.04 * box.height)
    return np.ascontiguousarray(image[top:bottom, left:right]), left, top


@pytest.mark.parametrize("name", ["obama_2009.jpg", "obama_2012.jpg", "hopper_1984.jpg"])
def test_a_tight_crop_gives_the_landmarks_of_the_photo(
    name: str, samples: dict[str, bytes], mtcnn: Mtcnn
) -> None:
    image = decode(samples[name])
    whole = mtcnn.detect([image])[0][0]
    part, left, top = tight(image, whole)
    (found, *_) = mtcnn.detect([part])[0]
    moved = np.array(found.landmarks) + (left, top)
    distance = np.abs(moved - np.array(whole.landmarks)).mean() / whole.box.width
    assert distance < 0.02


def test_a_photo_with_surroundings_is_searched_once(samples: dict[str, bytes]) -> None:
    settings = shipped_settings()
    image = decode(samples["obama_2009.jpg"])
    plain = load_shipped(settings.model_copy(update={"closeups": False}))
    assert load_shipped(settings).detect([image]) == plain.detect([image])


def test_a_photo_is_a_closeup_if_a_face_exceeds_it_or_none_is_found() -> None:
    assert closeups.is_closeup([], 100, 80)
    assert closeups.is_closeup([face(-5, -10, 80, 75)], 100, 80)
    assert not closeups.is_closeup([face(-5, -10, 60, 60)], 100, 80)


def test_the_border_on_each_side_is_half_the_longer_side() -> None:
    image = np.full((30, 40, 3), 7, np.uint8)
    photo, border = closeups.add_border(image)
    assert (photo.shape, border) == ((70, 80, 3), 20)
    assert (photo[20:50, 20:60] == 7).all()
    assert (photo[:20] == 128).all()


def test_faces_of_the_second_search_replace_overlapping_faces() -> None:
    small, inside, again = face(0, 0, 10, 10), face(30, 30, 90, 100), face(25, 20, 95, 110)
    assert closeups.merge([inside, small], [again]) == [again, small]
    assert closeups.merge([inside], []) == [inside]


def test_a_face_is_converted_back_to_pixels_of_the_photo() -> None:
    moved = closeups.remove_border(face(10, 20, 30, 50), 10)
    assert moved == Face(Box(0, 10, 20, 40), ((0, 10),) * 5, 0.99)


@pytest.mark.parametrize("name", ["obama_2012.jpg", "hopper_1984.jpg"])
def test_a_large_closeup_gives_the_landmarks_of_the_small_one(
    name: str, samples: dict[str, bytes], mtcnn: Mtcnn
) -> None:
    image = decode(samples[name])
    part, _, _ = tight(image, mtcnn.detect([image])[0][0])
    sides = (1000, round(1000 * part.shape[0] / part.shape[1]))
    large = np.asarray(Image.fromarray(part).resize(sides, Image.Resampling.BICUBIC))
    assert max(large.shape) > 800  # too large for a border of half of it on each side
    scale = 1000 / part.shape[1]
    (small_face, *_), (large_face, *_) = mtcnn.detect([part])[0], mtcnn.detect([large])[0]
    apart = np.array(large_face.landmarks) / scale - np.array(small_face.landmarks)
    assert np.abs(apart).mean() / small_face.box.width < 0.02


def test_the_memory_for_the_border_of_a_long_thin_photo_is_limited(mtcnn: Mtcnn) -> None:
    photo = np.full((10, 20_000, 3), 90, np.uint8)
    tracemalloc.start()
    try:
        assert mtcnn.detect([photo]) == [[]]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100e6


def test_a_photo_without_a_face_gives_no_faces(mtcnn: Mtcnn) -> None:
    rows = np.linspace(0, 255, 200, dtype=np.uint8)[:, None, None]
    assert mtcnn.detect([np.broadcast_to(rows, (200, 300, 3)).copy()]) == [[]]
