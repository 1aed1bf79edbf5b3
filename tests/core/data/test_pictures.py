"""One picture of a source: what is stored of it, or why it is set aside."""

import io
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceage_core.data.prepare.face_cropper import FaceCropper
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.prepare.images import Picture, ImagePreparer
from faceage_core.data.schema import Entry, Rejection
from faceage_core.data.storage import Folder
from faceage_core.data.training_crop import training_crop
from faceage_core.detection.crops import LandmarkCrop
from faceage_core.errors import ImageTooLarge, InvalidArgument, NoFace
from faceage_core.images import decode
from faceage_core.types import Box, Face

PLAIN = PrepareOptions(dataset="agedb", crop="none", size_px=32)


def picture(options: PrepareOptions, folder: Path, data: bytes) -> Picture | Rejection:
    (folder / "photo").write_bytes(data)
    return ImagePreparer(options).make(Folder.at(str(folder)), Entry("photo", "photo", 30))


def jpeg(array: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def test_without_detection_the_middle_square_is_kept(tmp_path: Path) -> None:
    array = np.zeros((50, 150, 3), dtype=np.uint8)
    array[:, 50:100] = 200
    made = picture(PLAIN, tmp_path, jpeg(array, quality=100))
    assert isinstance(made, Picture)
    stored = np.asarray(Image.open(io.BytesIO(made.image)))
    assert stored.shape == (32, 32, 3)
    assert stored[:, 2:-2].min() > 180


def test_size_0_keeps_the_bytes_unless_they_would_be_seen_lying(tmp_path: Path) -> None:
    options = PrepareOptions(dataset="agedb", crop="none", size_px=0)
    array = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    upright = jpeg(array)
    made = picture(options, tmp_path, upright)
    assert isinstance(made, Picture)
    assert (made.image, made.width, made.height) == (upright, 60, 40)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = picture(options, tmp_path, jpeg(array, exif=exif))
    assert isinstance(turned, Picture)
    assert (turned.width, turned.height) == (40, 60)
    assert Image.open(io.BytesIO(turned.image)).size == (40, 60)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
def test_size_0_keeps_no_format_that_a_reader_may_not_know(kind: str, tmp_path: Path) -> None:
    options = PrepareOptions(dataset="agedb", crop="none", size_px=0)
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), (200, 100, 50)).save(buffer, kind)
    made = picture(options, tmp_path, buffer.getvalue())
    assert isinstance(made, Picture)
    assert (made.width, made.height) == (60, 40)
    with Image.open(io.BytesIO(made.image)) as image:
        assert (image.format, image.size) == ("PNG" if kind == "PNG" else "JPEG", (60, 40))


def test_size_0_looks_for_the_turn_of_a_png_behind_its_pixels(tmp_path: Path) -> None:
    options = PrepareOptions(dataset="agedb", crop="none", size_px=0)
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40)).save(buffer, "PNG")
    block = b"eXIf" + b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0" + bytes(4)
    late = (len(block) - 4).to_bytes(4, "big") + block + zlib.crc32(block).to_bytes(4, "big")
    made = picture(options, tmp_path, buffer.getvalue()[:-12] + late + buffer.getvalue()[-12:])
    assert isinstance(made, Picture)
    assert (made.width, made.height) == (40, 60)
    with Image.open(io.BytesIO(made.image)) as image:
        assert (image.format, image.size) == ("JPEG", (40, 60))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "unreadable_image"),
        (b"%PDF-1.7", "unsupported_format"),
        (b"hello", "unreadable_image"),
    ],
)
def test_a_bad_picture_is_a_value(tmp_path: Path, data: bytes, reason: str) -> None:
    made = picture(PLAIN, tmp_path, data)
    assert isinstance(made, Rejection)
    assert made.reason == reason
    missing = ImagePreparer(PLAIN).make(Folder.at(str(tmp_path)), Entry("gone", "gone", 30))
    assert isinstance(missing, Rejection)
    assert missing.reason == "unreadable_file"


def test_a_file_too_large_to_read_is_a_value(tmp_path: Path) -> None:
    for size in (60 * 1024**3, 15 * 1024**2 + 1):
        with (tmp_path / "photo").open("wb") as file:
            file.truncate(size)
        made = ImagePreparer(PLAIN).make(Folder.at(str(tmp_path)), Entry("photo", "photo", 30))
    assert isinstance(made, Rejection)
    assert made.reason == "image_too_large"
    with pytest.raises(ImageTooLarge, match=f"^{re.escape(made.detail)}$"):
        decode((tmp_path / "photo").read_bytes())


def face_at(x: float, y: float, size: float = 40) -> Face:
    box = Box(x - size / 2, y - size / 2, x + size / 2, y + size / 2)
    offsets = ((-0.2, -0.2), (0.2, -0.2), (0, 0), (-0.17, 0.18), (0.17, 0.18))
    return Face(box, tuple((x + dx * size, y + dy * size) for dx, dy in offsets), 0.99)


class Faces:
    """A detector that finds what it is told, and remembers what it was shown."""

    def __init__(self, *found: list[Face]) -> None:
        self.found = list(found)

    def __call__(self, images: object) -> list[list[Face]]:
        return [self.found.pop(0)]


CROP = training_crop(48, 0.25)


def test_the_subject_is_the_face_in_the_middle_or_in_the_box() -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    faces = [face_at(60, 60, 90), face_at(160, 110)]

    def crop(found: list[Face], box: Box | None) -> np.ndarray:
        return FaceCropper(Faces(found), CROP).cut(image, box)

    middle, boxed = crop(faces, None), crop(faces, Box(20, 20, 110, 110))
    assert np.array_equal(middle, crop(faces[1:], None))
    assert np.array_equal(boxed, crop(faces[:1], Box(20, 20, 110, 110)))
    assert not np.array_equal(middle, boxed)
    with pytest.raises(NoFace, match="in the box"):
        FaceCropper(Faces(faces, []), CROP).cut(image, Box(250, 150, 290, 190))


def test_without_a_face_there_is_no_subject() -> None:
    with pytest.raises(NoFace, match="found no face"):
        FaceCropper(Faces([]), CROP).cut(np.zeros((80, 100, 3), np.uint8), None)


def test_the_training_crop_is_the_age_card_s_frame_widened() -> None:
    tight, wide = training_crop(160, 0), training_crop(160, 0.5)
    assert tight.template[0] == (0.305, 0.2945)
    assert wide.template[0] == pytest.approx((0.37, 0.363), abs=1e-6)
    assert LandmarkCrop.model_validate_json(wide.model_dump_json()) == wide
    with pytest.raises(InvalidArgument):
        training_crop(0, 0.25)


def test_crops_are_those_that_serving_cuts(samples: dict[str, bytes], tmp_path: Path) -> None:
    from faceage_core.cards.schema import shipped_card
    from faceage_core.detection.crops import cut
    from faceage_core.detection.mtcnn import Mtcnn

    photo = samples["obama_2009.jpg"]
    made = picture(PrepareOptions(dataset="csv"), tmp_path, photo)
    assert isinstance(made, Picture)
    settings = shipped_card("mtcnn").detection
    assert settings is not None
    image = decode(photo)
    (face,) = Mtcnn(settings).detect([image])[0]
    expected = cut(image, face, training_crop(160, -0.1))
    assert made.image == jpeg(expected, quality=95)
