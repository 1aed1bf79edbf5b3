"""Preparing one image of a source: the stored image, or the rejection."""

import io
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from faceage_core.data.prepare.images import ImagePreparer, PreparedImage
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.schema import Entry, Rejection
from faceage_core.data.storage import Folder
from faceage_core.data.training_crop import training_crop
from faceage_core.errors import ImageTooLarge
from faceage_core.images import decode

PLAIN = PrepareOptions(dataset="agedb", crop="none", size_px=32)


def prepare_one(options: PrepareOptions, folder: Path, data: bytes) -> PreparedImage | Rejection:
    (folder / "photo").write_bytes(data)
    return ImagePreparer(options).prepare(Folder.at(str(folder)), Entry("photo", "photo", 30))


def jpeg(array: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def test_without_detection_the_center_square_is_kept(tmp_path: Path) -> None:
    array = np.zeros((50, 150, 3), dtype=np.uint8)
    array[:, 50:100] = 200
    made = prepare_one(PLAIN, tmp_path, jpeg(array, quality=100))
    assert isinstance(made, PreparedImage)
    stored = np.asarray(Image.open(io.BytesIO(made.image)))
    assert stored.shape == (32, 32, 3)
    assert stored[:, 2:-2].min() > 180


def test_size_0_keeps_the_bytes_of_upright_images(tmp_path: Path) -> None:
    options = PrepareOptions(dataset="agedb", crop="none", size_px=0)
    array = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    upright = jpeg(array)
    made = prepare_one(options, tmp_path, upright)
    assert isinstance(made, PreparedImage)
    assert (made.image, made.width, made.height) == (upright, 60, 40)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = prepare_one(options, tmp_path, jpeg(array, exif=exif))
    assert isinstance(turned, PreparedImage)
    assert (turned.width, turned.height) == (40, 60)
    assert Image.open(io.BytesIO(turned.image)).size == (40, 60)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
def test_size_0_converts_uncommon_formats(kind: str, tmp_path: Path) -> None:
    options = PrepareOptions(dataset="agedb", crop="none", size_px=0)
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40), (200, 100, 50)).save(buffer, kind)
    made = prepare_one(options, tmp_path, buffer.getvalue())
    assert isinstance(made, PreparedImage)
    assert (made.width, made.height) == (60, 40)
    with Image.open(io.BytesIO(made.image)) as image:
        assert (image.format, image.size) == ("PNG" if kind == "PNG" else "JPEG", (60, 40))


def test_size_0_finds_the_orientation_of_a_png_after_its_pixels(tmp_path: Path) -> None:
    options = PrepareOptions(dataset="agedb", crop="none", size_px=0)
    buffer = io.BytesIO()
    Image.new("RGB", (60, 40)).save(buffer, "PNG")
    block = b"eXIf" + b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0" + bytes(4)
    late = (len(block) - 4).to_bytes(4, "big") + block + zlib.crc32(block).to_bytes(4, "big")
    made = prepare_one(options, tmp_path, buffer.getvalue()[:-12] + late + buffer.getvalue()[-12:])
    assert isinstance(made, PreparedImage)
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
def test_an_unusable_image_is_a_rejection(tmp_path: Path, data: bytes, reason: str) -> None:
    made = prepare_one(PLAIN, tmp_path, data)
    assert isinstance(made, Rejection)
    assert made.reason == reason
    missing = ImagePreparer(PLAIN).prepare(Folder.at(str(tmp_path)), Entry("gone", "gone", 30))
    assert isinstance(missing, Rejection)
    assert missing.reason == "unreadable_file"


def test_a_file_that_is_too_large_is_a_rejection(tmp_path: Path) -> None:
    for size in (60 * 1024**3, 15 * 1024**2 + 1):
        with (tmp_path / "photo").open("wb") as file:
            file.truncate(size)
        made = ImagePreparer(PLAIN).prepare(Folder.at(str(tmp_path)), Entry("photo", "photo", 30))
    assert isinstance(made, Rejection)
    assert made.reason == "image_too_large"
    with pytest.raises(ImageTooLarge, match=f"^{re.escape(made.detail)}$"):
        decode((tmp_path / "photo").read_bytes())


def test_crops_equal_those_of_serving(samples: dict[str, bytes], tmp_path: Path) -> None:
    from faceage_core.cards.catalog import shipped_card
    from faceage_core.cards.model_card import DetectorCard
    from faceage_core.detection.crops import cut
    from faceage_core.detection.registry import load_detector

    photo = samples["obama_2009.jpg"]
    made = prepare_one(PrepareOptions(dataset="csv"), tmp_path, photo)
    assert isinstance(made, PreparedImage)
    detector = load_detector(shipped_card("mtcnn", DetectorCard))
    image = decode(photo)
    (face,) = detector.detect([image])[0]
    expected = cut(image, face, training_crop(160, -0.1))
    assert made.image == jpeg(expected, quality=95)
