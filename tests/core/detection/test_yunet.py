"""YuNet: the decoding of its outputs, its faces compared with MTCNN's, unusual photos."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from benchmarks.equivalence import iou
from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.model_card import DetectorCard
from faceage_core.detection.boxes import Floats
from faceage_core.detection.detector import Detector
from faceage_core.detection.registry import load_detector
from faceage_core.detection.settings import YunetSettings, parse_settings
from faceage_core.detection.yunet import Yunet, decode
from faceage_core.errors import InvalidCheckpoint
from faceage_core.images import decode as decode_image
from faceage_core.inference.runtime import EngineName, Runtime
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import Pipeline
from faceage_core.types import Box, Face
from tests.core.pipeline.photos import NAMES

Photo = NDArray[np.uint8]
CARD = shipped_card("yunet", DetectorCard)


@pytest.fixture(scope="module")
def yunet() -> Detector:
    return load_detector(CARD)


@pytest.fixture(scope="module")
def photos(samples: dict[str, bytes]) -> dict[str, Photo]:
    return {name: decode_image(data) for name, data in samples.items()}


def with_settings(**changes: object) -> Detector:
    return load_detector(CARD.model_copy(update={"settings": {**CARD.settings, **changes}}))


def enlarged(photo: Photo, factor: int) -> Photo:
    return photo.repeat(factor, 0).repeat(factor, 1)


def noise(height: int, width: int) -> Photo:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)


def landmark_distance(one: Face, other: Face) -> float:
    """The mean distance of corresponding landmarks, as a fraction of the distance of the eyes."""
    a, b = np.array(one.landmarks), np.array(other.landmarks)
    return float(np.linalg.norm(a - b, axis=1).mean() / np.linalg.norm(b[0] - b[1]))


# --- the decoding ---


def silent(height: int, width: int) -> list[Floats]:
    """Outputs for an input of that size, without a face: 4 kinds of 3 levels."""
    cells = [height // stride * (width // stride) for stride in (8, 16, 32)]
    return [np.zeros((1, n, columns), np.float32) for columns in (1, 1, 4, 10) for n in cells]


def put(outputs: list[Floats], level: int, cell: int, *, face: float, thing: float) -> None:
    """A face in one cell: its center at (0.5, 0.25) of the cell, 4 cells wide and 6 high."""
    outputs[level][0, cell] = face
    outputs[3 + level][0, cell] = thing
    outputs[6 + level][0, cell] = (0.5, 0.25, math.log(4), math.log(6))
    outputs[9 + level][0, cell] = (-1, -2, 1, -2, 0, 0, -1, 2, 1, 2)


@pytest.mark.parametrize(("level", "stride"), [(0, 8), (1, 16), (2, 32)])
def test_a_cell_becomes_a_box_with_landmarks(level: int, stride: int) -> None:
    outputs = silent(64, 96)
    column, row = 2, 1
    put(outputs, level, row * (96 // stride) + column, face=0.81, thing=0.64)
    (found,) = decode(outputs, 96, 0.7)
    expected = [0.5, -1.75, 4.5, 4.25, 0.72 / stride, 1, -1, 3, -1, 2, 1, 1, 3, 3, 3]
    np.testing.assert_allclose(found, stride * np.array(expected), rtol=1e-6)


def test_the_threshold_applies_to_the_geometric_mean() -> None:
    outputs = silent(64, 64)
    put(outputs, 0, 3, face=1.0, thing=0.49)
    assert len(decode(outputs, 64, 0.69)) == 1
    assert len(decode(outputs, 64, 0.71)) == 0


def test_probabilities_are_limited_to_1() -> None:
    outputs = silent(32, 32)
    put(outputs, 2, 0, face=1.5, thing=1.5)
    assert decode(outputs, 32, 0.5)[0, 4] == 1


def test_faces_of_all_levels_are_decoded() -> None:
    outputs = silent(64, 64)
    for level, cell in ((0, 63), (1, 15), (2, 3)):
        put(outputs, level, cell, face=0.9, thing=0.9)
    boxes = decode(outputs, 64, 0.7)
    assert (boxes[:, 2] - boxes[:, 0]).tolist() == pytest.approx([32, 64, 128])
    assert decode(silent(64, 64), 64, 0.7).shape == (0, 15)


class Scripted:
    """An engine that returns prepared outputs and records its inputs."""

    def __init__(self, outputs: list[Floats]) -> None:
        self.outputs = outputs
        self.batches: list[Floats] = []

    def __call__(self, batch: Floats) -> tuple[Floats, ...]:
        self.batches.append(batch)
        return tuple(self.outputs)


def test_the_network_sees_bgr_with_black_to_the_right_and_below() -> None:
    photo = np.full((33, 40, 3), (1, 2, 3), np.uint8)
    engine = Scripted(silent(64, 64))
    assert Yunet(YunetSettings(), engine).detect([photo]) == [[]]
    (batch,) = engine.batches
    assert batch.shape == (1, 3, 64, 64)
    assert batch.dtype == np.float32
    assert (batch[0, :, :33, :40] == np.array([3, 2, 1])[:, None, None]).all()
    assert not batch[0, :, 33:].any()
    assert not batch[0, :, :, 40:].any()


def test_of_overlapping_boxes_the_best_is_kept_and_the_largest_face_comes_first() -> None:
    outputs = silent(64, 256)
    put(outputs, 0, 0, face=0.9, thing=0.9)
    put(outputs, 0, 1, face=0.8, thing=0.8)  # the same face, seen by the next cell
    put(outputs, 1, 10, face=0.75, thing=0.75)  # another one, twice as large
    (found,) = Yunet(YunetSettings(), Scripted(outputs)).detect([np.zeros((64, 256, 3), np.uint8)])
    assert [face.confidence for face in found] == pytest.approx([0.75, 0.9])
    assert [face.box.width for face in found] == pytest.approx([64, 32])


def test_small_faces_and_surplus_candidates_are_left_out() -> None:
    outputs = silent(64, 256)
    put(outputs, 0, 0, face=0.9, thing=0.9)  # 48 pixels high
    put(outputs, 1, 10, face=0.75, thing=0.75)  # 96 pixels high
    photo = np.zeros((64, 256, 3), np.uint8)

    def heights(**changes: object) -> list[float]:
        settings = YunetSettings.model_validate(changes)
        return [face.box.height for face in Yunet(settings, Scripted(outputs)).detect([photo])[0]]

    assert heights() == pytest.approx([96, 48])
    assert heights(min_face_px=49) == pytest.approx([96])
    assert heights(max_candidates=1) == pytest.approx([48])


# --- the samples ---


@pytest.mark.parametrize("name", NAMES)
def test_the_face_of_a_sample_is_that_of_mtcnn(
    yunet: Detector, photos: dict[str, Photo], pipeline: Pipeline, name: str
) -> None:
    (found,) = yunet.detect([photos[name]])[0]
    (answer,) = pipeline.faces(photos[name], include="landmarks").image.faces
    assert answer.landmarks is not None
    expected = Face(Box(*answer.bbox), answer.landmarks, answer.detection_confidence)
    assert iou(found.box, expected.box) > 0.75
    assert landmark_distance(found, expected) < 0.15


@pytest.mark.parametrize("name", NAMES)
def test_the_landmarks_of_a_sample_are_in_order_and_in_the_box(
    yunet: Detector, photos: dict[str, Photo], name: str
) -> None:
    (found,) = yunet.detect([photos[name]])[0]
    for x, y in found.landmarks:
        assert found.box.x1 < x < found.box.x2
        assert found.box.y1 < y < found.box.y2
    left_eye, right_eye, nose, left_mouth, right_mouth = found.landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])


# --- sizes ---


@pytest.mark.parametrize(
    ("height", "width"),
    [(1, 1), (12, 12), (31, 33), (19, 300), (10, 20_000), (20_000, 10), (3000, 1)],
)
@pytest.mark.parametrize("kind", ["black", "white", "noise"])
def test_unusual_sizes_give_no_faces(yunet: Detector, height: int, width: int, kind: str) -> None:
    photo = noise(height, width)
    if kind != "noise":
        photo[:] = 0 if kind == "black" else 255
    assert yunet.detect([photo]) == [[]]


def test_a_photo_of_an_odd_size_gives_the_same_face(
    yunet: Detector, photos: dict[str, Photo]
) -> None:
    photo = photos["collins.png"]
    (whole,) = yunet.detect([photo])[0]
    (odd,) = yunet.detect([photo[:389, :501]])[0]
    assert iou(whole.box, odd.box) > 0.9
    assert landmark_distance(odd, whole) < 0.1


def test_a_wide_photo_keeps_its_aspect_ratio(yunet: Detector, photos: dict[str, Photo]) -> None:
    photo = photos["collins.png"]
    (whole,) = yunet.detect([photo])[0]
    wide = np.zeros((512, 2003, 3), np.uint8)
    wide[:, 1000:1512] = photo
    (found,) = yunet.detect([wide])[0]
    moved = Box(whole.box.x1 + 1000, whole.box.y1, whole.box.x2 + 1000, whole.box.y2)
    assert iou(found.box, moved) > 0.8


def test_a_face_of_a_thousand_pixels_is_found_by_the_overview_only(
    yunet: Detector, photos: dict[str, Photo]
) -> None:
    photo = photos["obama_2009.jpg"]
    (small,) = yunet.detect([photo])[0]
    box = small.box
    part = enlarged(photo[int(box.y1) : int(box.y2), int(box.x1) : int(box.x2)], 4)
    assert with_settings(max_side_px=None, overview_side_px=None).detect([part]) == [[]]
    (large,) = with_settings(max_side_px=None).detect([part])[0]
    assert large.box.height > 0.8 * len(part)
    landmarks = np.array(large.landmarks) / 4 + (int(box.x1), int(box.y1))
    found = Face(small.box, tuple((float(x), float(y)) for x, y in landmarks), 1.0)
    assert landmark_distance(found, small) < 0.15


@pytest.mark.data
def test_tight_crops_need_no_border(yunet: Detector, data_dir: Path) -> None:
    table = pq.read_table(data_dir / "utkface_trainval.parquet", columns=["image"])
    crops = [decode_image(table["image"][i].as_py()) for i in range(0, len(table), 400)]
    found = yunet.detect(crops)
    assert sum(map(bool, found)) >= 0.97 * len(crops)


# --- batches, threads, engines ---


def test_a_batch_of_mixed_sizes_equals_single_photos(
    yunet: Detector, photos: dict[str, Photo]
) -> None:
    batch = [photos["hopper_1984.jpg"], noise(60, 35), photos["collins.png"], noise(1, 1)]
    found = yunet.detect(batch)
    assert [len(faces) for faces in found] == [1, 0, 1, 0]
    assert found == [yunet.detect([photo])[0] for photo in batch]
    assert yunet.detect([]) == []


def test_four_concurrent_threads_find_the_same_faces(
    yunet: Detector, photos: dict[str, Photo]
) -> None:
    work = [photos["hopper_1984.jpg"], photos["collins.png"], noise(80, 80)] * 4
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda photo: yunet.detect([photo])[0], work))
    assert found == yunet.detect(work)


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_every_engine_finds_the_same_faces(photos: dict[str, Photo], engine: EngineName) -> None:
    photo = photos["collins.png"]
    exact, found = (
        load_detector(CARD, runtime=Runtime(name)).detect([photo])[0]
        for name in ("onnxruntime", engine)
    )
    assert_same(found, exact)


def assert_same(found: Sequence[Face], expected: Sequence[Face]) -> None:
    assert len(found) == len(expected) > 0
    for one, other in zip(found, expected, strict=True):
        assert iou(one.box, other.box) > 0.999
        assert landmark_distance(one, other) < 1e-3
        assert one.confidence == pytest.approx(other.confidence, abs=1e-4)


# --- the card and the bundle ---


def test_the_card_loads_through_the_registry(yunet: Detector) -> None:
    assert isinstance(yunet, Yunet)
    assert parse_settings(CARD, YunetSettings).overview_side_px == 320


def test_an_invalid_setting_is_rejected() -> None:
    with pytest.raises(InvalidCheckpoint, match=r"^yunet: settings\.nms_threshold: Input should"):
        with_settings(nms_threshold=2)


def test_another_number_of_files_is_rejected() -> None:
    card = CARD.model_copy(update={"weights": CARD.weights * 2})
    with pytest.raises(
        InvalidCheckpoint, match="^yunet: yunet needs one weights file, the card has 2$"
    ):
        load_detector(card)


def test_a_comparison_with_the_bundle_yunet(samples: dict[str, bytes], pipeline: Pipeline) -> None:
    fast = Pipeline(ModelOptions(bundle="yunet"))
    for other, same in (("obama_2012.jpg", True), ("biden_2010.jpg", False)):
        pair = samples["obama_2009.jpg"], samples[other]
        found, default = (one.compare(*pair) for one in (fast, pipeline))
        assert found.models.detector.name == "yunet"
        assert found.verification.is_match is same
        assert found.verification.similarity_score == pytest.approx(
            default.verification.similarity_score, abs=0.1
        )
        assert abs(found.face_1.age_prediction - default.face_1.age_prediction) < 10
