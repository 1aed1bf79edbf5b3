"""The detector compared with facenet-pytorch's, its batches, size limit and unusual photos."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from facenet_pytorch import MTCNN
from numpy.typing import NDArray
from PIL import Image

from faceage_core.detection import mtcnn
from faceage_core.detection.mtcnn import Mtcnn
from faceage_core.detection.settings import MtcnnSettings
from faceage_core.images import decode
from faceage_core.inference.runtime import EngineName, Runtime
from faceage_core.types import Box, Face
from tests.core.detection.shipped import load_shipped
from tests.core.pipeline.photos import NAMES

Photo = NDArray[np.uint8]


@pytest.fixture(scope="module")
def ours() -> Mtcnn:
    return load_shipped(MtcnnSettings())


@pytest.fixture(scope="module")
def theirs() -> MTCNN:
    return MTCNN(keep_all=True)


@pytest.fixture(scope="module")
def photos(samples: dict[str, bytes]) -> dict[str, Photo]:
    """The samples, reduced so that detection is fast."""
    return {name: at_most(decode(data), 480) for name, data in samples.items()}


@pytest.fixture(scope="module")
def montage(photos: dict[str, Photo]) -> Photo:
    """Several faces in one photo, the small ones first."""
    sides = {
        "obama_2009.jpg": 170,
        "collins.png": 240,
        "hopper_1984.jpg": 280,
        "biden_2010.jpg": 400,
    }
    canvas = Image.new("RGB", (620, 700), "gray")
    for place, (name, side) in zip(
        ((0, 0), (200, 0), (0, 300), (320, 290)), sides.items(), strict=True
    ):
        canvas.paste(Image.fromarray(at_most(photos[name], side)), place)
    return np.array(canvas)


def at_most(photo: Photo, side: int) -> Photo:
    image = Image.fromarray(photo)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.array(image)


def noise(height: int, width: int) -> Photo:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)


def reference(theirs: MTCNN, photo: Photo) -> list[Face]:
    """The faces that facenet-pytorch finds."""
    boxes, probabilities, points = theirs.detect(Image.fromarray(photo), landmarks=True)
    if boxes is None:
        return []
    return [
        Face(Box(*map(float, box)), tuple((float(x), float(y)) for x, y in five), float(p))
        for box, p, five in zip(boxes, probabilities, points, strict=True)
    ]


def iou(one: Box, other: Box) -> float:
    width = min(one.x2, other.x2) - max(one.x1, other.x1)
    height = min(one.y2, other.y2) - max(one.y1, other.y1)
    shared = max(0.0, width) * max(0.0, height)
    return shared / (one.area + other.area - shared)


def landmark_distance_px(one: Face, other: Face) -> float:
    """The greatest distance, along an axis, between corresponding landmarks."""
    return float(np.abs(np.subtract(one.landmarks, other.landmarks)).max())


def corners(face: Face) -> list[float]:
    return [face.box.x1, face.box.y1, face.box.x2, face.box.y2]


def assert_same(found: Sequence[Face], expected: Sequence[Face], within_px: float = 0.05) -> None:
    """The same faces in the same order, up to rounding."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(corners(one), corners(other), atol=within_px)
        assert landmark_distance_px(one, other) < within_px
        assert one.confidence == pytest.approx(other.confidence, abs=1e-4)


# --- against facenet-pytorch ---


@pytest.mark.parametrize("name", NAMES)
def test_samples_agree_with_facenet_pytorch(
    ours: Mtcnn, theirs: MTCNN, photos: dict[str, Photo], name: str
) -> None:
    expected = reference(theirs, photos[name])
    (found,) = ours.detect([photos[name]])
    assert expected
    assert_same(found, expected)


def test_several_faces_agree_with_facenet_pytorch(
    ours: Mtcnn, theirs: MTCNN, montage: Photo
) -> None:
    expected = reference(theirs, montage)
    (found,) = ours.detect([montage])
    assert len(expected) >= 4
    assert_same(found, expected)


@pytest.mark.data
def test_wider_photos_agree_with_facenet_pytorch(
    ours: Mtcnn, theirs: MTCNN, data_dir: Path
) -> None:
    rows = pq.read_table(data_dir / "wider_val_120.parquet", columns=["file", "image"])
    agreeing, of_theirs, of_ours, extra = 0, 0, 0, []
    for row in rows.to_pylist()[::6]:
        photo = at_most(np.array(Image.open(BytesIO(row["image"])).convert("RGB")), 512)
        expected = reference(theirs, photo)
        (found,) = ours.detect([photo])
        of_theirs, of_ours = of_theirs + len(expected), of_ours + len(found)
        for face in found:
            near = [other for other in expected if iou(face.box, other.box) >= 0.9]
            if not near:
                extra.append((row["file"], face))
                continue
            agreeing += 1
            assert min(landmark_distance_px(face, other) for other in near) < 1, row["file"]
            assert min(abs(face.confidence - other.confidence) for other in near) < 1e-3
    assert extra == []
    assert of_theirs > 40
    assert agreeing >= 0.99 * of_theirs
    assert of_ours <= of_theirs


# --- batches and threads ---


def test_a_batch_of_mixed_sizes_equals_single_photos(
    ours: Mtcnn, photos: dict[str, Photo], montage: Photo
) -> None:
    batch = [
        photos["hopper_1984.jpg"],
        noise(60, 35),
        montage,
        np.zeros((1, 1, 3), np.uint8),
        photos["collins.png"],
        photos["hopper_1984.jpg"],  # the equal face of another photo must not suppress this one
        np.zeros((90, 90, 3), np.uint8),
    ]
    found = ours.detect(batch)
    assert [bool(faces) for faces in found] == [True, False, True, False, True, True, False]
    for together, photo in zip(found, batch, strict=True):
        assert_same(together, ours.detect([photo])[0])


def test_no_photos_give_no_faces(ours: Mtcnn) -> None:
    assert ours.detect([]) == []


def test_four_concurrent_threads_find_the_same_faces(ours: Mtcnn, photos: dict[str, Photo]) -> None:
    work = [photos["hopper_1984.jpg"], at_most(photos["collins.png"], 300), noise(80, 80)] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda photo: ours.detect([photo])[0], work))
    for faces, photo in zip(found, work, strict=True):
        assert faces == ours.detect([photo])[0]


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_every_engine_finds_the_same_faces(
    ours: Mtcnn, photos: dict[str, Photo], montage: Photo, engine: EngineName
) -> None:
    other = load_shipped(runtime=Runtime(engine, precision="fp32"))
    for photo in (montage, photos["hopper_1984.jpg"]):
        assert_same(other.detect([photo])[0], ours.detect([photo])[0])


# --- one canvas for the whole pyramid ---


def test_a_shared_canvas_gives_the_faces_of_separate_levels(
    ours: Mtcnn, photos: dict[str, Photo], montage: Photo
) -> None:
    shared = load_shipped(MtcnnSettings(shared_canvas=True))
    for photo in (montage, photos["hopper_1984.jpg"], photos["collins.png"]):
        expected = [face for face in ours.detect([photo])[0] if face.confidence > 0.95]
        (found,) = shared.detect([photo])
        for face in expected:
            best = max(found, key=lambda other: iou(face.box, other.box))
            assert iou(face.box, best.box) > 0.85
            assert landmark_distance_px(face, best) < 0.05 * face.box.width


def test_a_photo_gives_the_same_faces_in_every_batch(
    photos: dict[str, Photo], montage: Photo
) -> None:
    shipped = load_shipped(MtcnnSettings(shared_canvas=True, closeups=True, confident=0.9))
    alone = {name: shipped.detect([photo])[0] for name, photo in photos.items()}
    draw = np.random.default_rng(3)
    for _ in range(6):
        names = [str(name) for name in draw.choice(list(photos), size=3)]
        together = shipped.detect([montage, *(photos[name] for name in names)])[1:]
        assert together == [alone[name] for name in names]  # to the bit


def test_small_faces_relative_to_the_photo_are_not_searched(montage: Photo) -> None:
    wide = np.full((700, 4000, 3), 127, np.uint8)
    wide[:, : montage.shape[1]] = montage
    every, large = (
        load_shipped(MtcnnSettings(min_face_share=share)).detect([wide])[0] for share in (0, 0.04)
    )
    assert 1 <= len(large) < len(every)
    smallest = (min(face.box.width for face in faces) for faces in (every, large))
    assert next(smallest) < next(smallest)


# --- several passes of the third network ---


def test_another_pass_makes_landmarks_depend_less_on_the_candidates(
    photos: dict[str, Photo],
) -> None:
    def apart(passes: int) -> float:
        """Between a fine and a coarse search, relative to the width of the face."""
        shifts = []
        for photo in photos.values():
            fine, coarse = (
                load_shipped(MtcnnSettings(factor=factor, landmark_passes=passes)).detect([photo])
                for factor in (0.709, 0.55)
            )
            one, other = fine[0][0], coarse[0][0]
            shifts.append(landmark_distance_px(one, other) / one.box.width)
        return float(np.mean(shifts))

    assert apart(3) < 0.8 * apart(1)


def test_another_pass_loses_no_face(ours: Mtcnn, montage: Photo) -> None:
    (once,) = ours.detect([montage])
    (twice,) = load_shipped(MtcnnSettings(landmark_passes=2)).detect([montage])
    assert len(once) == len(twice)
    assert all(max(iou(a.box, b.box) for b in twice) > 0.7 for a in once)


# --- photos that show no face ---


@pytest.mark.parametrize(
    ("height", "width"),
    [(1, 1), (12, 12), (19, 300), (20, 20), (21, 21), (40, 41), (10, 20_000), (20_000, 10)],
)
@pytest.mark.parametrize("kind", ["black", "white", "noise"])
def test_unusual_sizes_give_no_faces(ours: Mtcnn, height: int, width: int, kind: str) -> None:
    photo = noise(height, width)
    if kind != "noise":
        photo[:] = 0 if kind == "black" else 255
    assert ours.detect([photo]) == [[]]


def test_boxes_in_a_noise_photo_are_finite(ours: Mtcnn) -> None:
    (found,) = ours.detect([noise(240, 320)])
    assert all(np.isfinite([f.box.x1, f.box.y1, f.box.x2, f.box.y2]).all() for f in found)


@pytest.mark.parametrize(("height", "width"), [(10, 20_000), (20_000, 10), (3000, 1)])
def test_unusual_sizes_give_no_faces_with_a_size_limit(height: int, width: int) -> None:
    bounded = load_shipped(MtcnnSettings(max_side_px=1600))
    assert bounded.detect([noise(height, width)]) == [[]]


# --- the size limit ---


def test_an_enlarged_photo_is_searched_at_the_size_limit(photos: dict[str, Photo]) -> None:
    photo = at_most(photos["hopper_1984.jpg"], 400)
    bounded = load_shipped(MtcnnSettings(max_side_px=max(photo.shape)))
    (small,), (large,) = bounded.detect([photo, photo.repeat(4, 0).repeat(4, 1)])
    # Averaging restores the small photo, so the boxes must be exactly 4 times as large.
    assert_same([small.scaled(4)], [large], within_px=0.2)


def test_the_photo_keeps_its_aspect_ratio_at_the_size_limit(photos: dict[str, Photo]) -> None:
    photo = photos["hopper_1984.jpg"]
    height, width = photo.shape[0], photo.shape[1]
    enlarged = np.array(Image.fromarray(photo).resize((width * 3 + 2, height * 3 + 1)))
    bounded = load_shipped(MtcnnSettings(max_side_px=height + 1))
    (small,), (large,) = bounded.detect([photo, enlarged])
    assert iou(small.scaled(3).box, large.box) > 0.85
    assert landmark_distance_px(small.scaled(3), large) < 0.03 * large.box.width


def test_a_photo_within_the_size_limit_is_not_resized(
    ours: Mtcnn, photos: dict[str, Photo]
) -> None:
    photo = photos["hopper_1984.jpg"]
    bounded = load_shipped(MtcnnSettings(max_side_px=max(photo.shape)))
    assert bounded.detect([photo]) == ours.detect([photo])


# --- which faces are kept, and in which order ---


def test_the_largest_face_comes_first(ours: Mtcnn, montage: Photo) -> None:
    areas = [face.box.area for face in ours.detect([montage])[0]]
    assert len(areas) >= 4
    assert areas == sorted(areas, reverse=True)


def test_uncertain_faces_are_dropped_if_a_confident_one_exists(ours: Mtcnn, montage: Photo) -> None:
    every = ours.detect([montage])[0]
    by_confidence = sorted(every, key=lambda face: -face.confidence)
    assert by_confidence[0].confidence > by_confidence[1].confidence
    for kept in (1, 2, len(every)):
        limit = by_confidence[kept - 1].confidence
        found = load_shipped(MtcnnSettings(confident=limit)).detect([montage])[0]
        assert found == [face for face in every if face in by_confidence[:kept]]


def test_uncertain_faces_are_kept_if_no_confident_one_exists(ours: Mtcnn, montage: Photo) -> None:
    every = ours.detect([montage])[0]
    above = float(np.nextafter(max(face.confidence for face in every), 2))
    if above > 1:
        pytest.fail("the montage shows a face of probability 1: nothing can be above it")
    assert load_shipped(MtcnnSettings(confident=above)).detect([montage])[0] == every


def test_each_photo_of_a_batch_is_filtered_separately(ours: Mtcnn, montage: Photo) -> None:
    every = ours.detect([montage])[0]
    doubtful = min(every, key=lambda face: face.confidence)
    left, top = (
        int(doubtful.box.x1 - doubtful.box.width),
        int(doubtful.box.y1 - doubtful.box.height),
    )
    alone = montage[max(top, 0) :, max(left, 0) :][: int(3 * doubtful.box.height)][
        :, : int(3 * doubtful.box.width)
    ]
    limit = max(face.confidence for face in every)
    strict = load_shipped(MtcnnSettings(confident=limit))
    found = strict.detect([montage, np.ascontiguousarray(alone)])
    assert len(found[0]) == 1
    assert found[1]


def test_only_the_best_candidates_are_examined(ours: Mtcnn, montage: Photo) -> None:
    (all_faces,) = ours.detect([montage])
    few = load_shipped(MtcnnSettings(max_candidates=3))
    (found,) = few.detect([montage])
    assert 1 <= len(found) <= 3 < len(all_faces)


def test_the_best_candidates_keep_their_order() -> None:
    scores = np.array([0.1, 0.9, 0.3, 0.8], np.float32)
    assert mtcnn._best(scores, 2).tolist() == [1, 3]
    assert mtcnn._best(scores, 4).tolist() == [0, 1, 2, 3]
