"""The first stage: invalid photos, the number of faces kept, and the crops."""

from collections.abc import Sequence
from io import BytesIO
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from faceage_core.cards.crops import BoxCrop, CropSpec, LandmarkCrop
from faceage_core.detection import detector as detector_module
from faceage_core.detection.detector import FaceDetector
from faceage_core.errors import FaceageError, ImageTooLarge, UnreadableImage, UnsupportedFormat
from faceage_core.images import ImageLimits, decode
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.loading import load_detector
from faceage_core.types import Box, Detection, Face, Role

CROPS: dict[Role, CropSpec] = {
    "age": BoxCrop(size_px=8, margin_px=0),
    "identity": LandmarkCrop(
        size_px=12, template=((0.3, 0.3), (0.7, 0.3), (0.5, 0.5), (0.3, 0.7), (0.7, 0.7))
    ),
}
SIDE = 20  # pixels of a block; each block counts as a face


class BlockDetector:
    """Finds one face in each block of a photo."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        self.calls.append(len(images))
        return [
            [block_face(i) for i in range(image.shape[1] // SIDE)] if image.any() else []
            for image in images
        ]


def block_face(i: int) -> Face:
    left = i * SIDE
    points = tuple((left + x * SIDE, y * SIDE) for x, y in CROPS["identity"].template)  # type: ignore[union-attr]
    return Face(Box(left, 0, left + SIDE, SIDE), points, 0.9 - i / 100)


def blocks(*greys: int) -> bytes:
    photo = np.repeat(np.array(greys, np.uint8), SIDE)[None, :, None].repeat(SIDE, 0).repeat(3, 2)
    file = BytesIO()
    Image.fromarray(photo).save(file, "PNG")
    return file.getvalue()


def detector(fake: BlockDetector | None = None, **options: object) -> FaceDetector:
    return FaceDetector(fake or BlockDetector(), CROPS, **options)  # type: ignore[arg-type]


def detected(found: Detection | FaceageError) -> Detection:
    assert isinstance(found, Detection)
    return found


def test_an_invalid_photo_does_not_affect_the_others() -> None:
    block_detector = BlockDetector()
    photos = [blocks(10), b"no picture", blocks(20, 30), b"%PDF-1.7", blocks(40)[:-40], blocks(50)]
    found = detector(block_detector).detect(photos)
    kinds = [type(one) for one in found]
    assert kinds == [
        Detection,
        UnreadableImage,
        Detection,
        UnsupportedFormat,
        UnreadableImage,
        Detection,
    ]
    assert [len(one.faces) for one in found if isinstance(one, Detection)] == [1, 2, 1]
    assert [detected(found[i]).crops["age"][0, 0, 0, 0] for i in (0, 2, 5)] == [10, 20, 50]
    assert block_detector.calls == [3]  # together, in one run


def test_all_photos_invalid() -> None:
    found = detector().detect([b"", b"x"])
    assert all(isinstance(one, UnreadableImage) for one in found)


def test_no_photo() -> None:
    assert detector().detect([]) == []


def test_image_limits_are_applied() -> None:
    small, large = blocks(1), blocks(*range(1, 9))
    limits = ImageLimits(max_pixels=SIDE * SIDE)
    first, second = detector(limits=limits).detect([small, large])
    assert isinstance(first, Detection)
    assert isinstance(second, ImageTooLarge)


def test_crops_are_in_the_order_of_the_faces() -> None:
    (found,) = detector().detect([blocks(10, 60, 110)])
    detection = detected(found)
    assert (detection.width, detection.height) == (3 * SIDE, SIDE)
    assert detection.faces == tuple(block_face(i) for i in range(3))
    assert set(detection.crops) == {"age", "identity"}
    for role, size in [("age", 8), ("identity", 12)]:
        crops = detection.crops[cast(Role, role)]
        assert crops.shape == (3, size, size, 3)
        assert crops.dtype == np.uint8
        assert crops[:, size // 2, size // 2, 1].tolist() == [10, 60, 110]


@pytest.mark.parametrize(("most", "kept", "left_out"), [(1, 1, 2), (2, 2, 1), (3, 3, 0), (9, 3, 0)])
def test_the_largest_faces_are_kept_and_the_others_counted(
    most: int, kept: int, left_out: int
) -> None:
    (found,) = detector(max_faces=most).detect([blocks(10, 60, 110)])
    detection = detected(found)
    assert detection.faces == tuple(block_face(i) for i in range(kept))
    assert detection.faces_left_out == left_out
    assert {len(crops) for crops in detection.crops.values()} == {kept}


def test_a_photo_without_a_face_has_empty_crops() -> None:
    (found,) = detector().detect([blocks(0)])
    detection = detected(found)
    assert (detection.faces, detection.faces_left_out) == ((), 0)
    assert detection.crops["age"].shape == (0, 8, 8, 3)
    assert detection.crops["identity"].dtype == np.uint8


# --- large JPEGs ---


def large_jpeg(samples: dict[str, bytes], side_px: int) -> bytes:
    photo = Image.open(BytesIO(samples["hopper_1984.jpg"])).convert("RGB")
    height = side_px, round(side_px * photo.height / photo.width)
    file = BytesIO()
    photo.resize(height, Image.Resampling.BICUBIC).save(file, "JPEG", quality=92)
    return file.getvalue()


@pytest.fixture(scope="module")
def shipped() -> FaceDetector:
    bundle = resolve(ModelOptions())
    return load_detector(bundle, ModelOptions())


def test_a_large_jpeg_gives_the_face_that_its_pixels_give(
    samples: dict[str, bytes], shipped: FaceDetector
) -> None:
    data = large_jpeg(samples, 2200)
    reduced, full = map(detected, shipped.detect([data, decode(data)]))
    assert (reduced.width, reduced.height) == (full.width, full.height) == (2200, 2578)
    one, other = reduced.faces[0], full.faces[0]
    apart = np.abs(np.subtract(one.landmarks, other.landmarks)).max()
    assert apart < 0.02 * other.box.width
    assert one.box.width == pytest.approx(other.box.width, rel=0.03)
    for role, crops in full.crops.items():
        assert np.abs(crops[0].astype(int) - reduced.crops[role][0]).mean() < 5


def test_a_small_face_of_a_large_jpeg_is_cut_at_full_scale(
    samples: dict[str, bytes], shipped: FaceDetector, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = Image.open(BytesIO(large_jpeg(samples, 260)))
    photo = Image.new("RGB", (2400, 2200), "gray")
    photo.paste(face, (1000, 900))
    file = BytesIO()
    photo.save(file, "JPEG", quality=95)
    data = file.getvalue()
    decoded: list[bytes] = []

    def counting(data: bytes, limits: ImageLimits) -> NDArray[np.uint8]:
        decoded.append(data)
        return decode(data, limits)

    monkeypatch.setattr(detector_module, "decode", counting)
    (found,) = shipped.detect([data])
    assert len(detected(found).faces) == 1
    assert decoded == [data]
