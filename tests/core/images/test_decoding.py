"""Every supported format decodes to the same RGB pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from faceage_core.images import decode
from tests.core.images.assertions import assert_photo, assert_solid
from tests.core.images.factories import (
    COLOUR,
    LOSSLESS,
    LOSSY,
    SAMPLES,
    encode,
    exif,
    heic,
    noise,
    quadrants,
    solid,
)


@pytest.mark.parametrize(("kind", "options"), LOSSLESS)
def test_lossless_formats_decode_exactly(kind: str, options: dict[str, Any]) -> None:
    array = decode(encode(noise(), kind, **options))
    assert_photo(array, 24, 40)
    np.testing.assert_array_equal(array, noise())


@pytest.mark.parametrize(("kind", "options"), LOSSY)
def test_lossy_formats_decode_approximately(kind: str, options: dict[str, Any]) -> None:
    array = decode(encode(quadrants(), kind, **options))
    assert_photo(array, 32, 48)
    assert np.abs(array.astype(int) - quadrants()).mean() < 4


def test_gif_decodes_exactly_within_its_palette() -> None:
    np.testing.assert_array_equal(decode(encode(quadrants(), "GIF")), quadrants())


def test_this_pillow_supports_avif() -> None:
    assert features.check("avif")


@pytest.mark.parametrize("brands", [b"heic\0\0\0\0mif1heic", b"mif1\0\0\0\0mif1heic"])
def test_heic(brands: bytes) -> None:
    luma = np.repeat(np.array([[16, 235], [126, 16]], np.uint8).repeat(8, 0), 8, 1)
    array = decode(heic(luma, brands=brands))
    assert_photo(array, 16, 16)
    # Video range: 16 is black, 235 is white.
    expected = np.repeat(np.array([[0, 255], [128, 0]]).repeat(8, 0), 8, 1)
    assert np.abs(array.astype(int) - expected[..., None]).max() <= 1


def test_avif_with_the_brand_mif1_first() -> None:
    data = encode(solid("RGB", COLOUR), "AVIF", quality=100)
    assert data[8:12] == b"avif"
    assert_solid(decode(data[:8] + b"mif1" + data[12:]), COLOUR, within=3)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_sample_photos(path: Path) -> None:
    array = decode(path.read_bytes())
    with Image.open(path) as image:
        assert_photo(array, image.height, image.width)
        np.testing.assert_array_equal(array, np.asarray(image.convert("RGB")))


def test_the_sample_photos_have_two_formats() -> None:
    assert {path.suffix for path in SAMPLES} == {".jpg", ".png"}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
def test_a_single_pixel(kind: str) -> None:
    array = decode(encode(Image.new("RGB", (1, 1), (255, 255, 255)), kind))
    assert_photo(array, 1, 1)
    assert array.min() >= 250


def test_a_very_wide_image() -> None:
    assert_photo(decode(encode(Image.new("RGB", (20_000, 10)), "PNG")), 10, 20_000)


BLOCKS = quadrants().repeat(8, 0).repeat(8, 1)  # 384 wide, 256 high


@pytest.mark.parametrize(
    ("shown_size", "width"),
    [((384, 256), 384), ((193, 129), 384), ((192, 128), 192), ((100, 60), 192), ((96, 64), 96)]
    + [((1, 1), 48), ((1000, 1000), 384), ((192, 1), 192)],
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_jpeg_is_decoded_at_a_fraction_not_below_its_shown_size(
    shown_size: tuple[int, int], width: int, orientation: int
) -> None:
    file = encode(BLOCKS, "JPEG", quality=95, exif=exif(orientation))
    turned = orientation == 6
    array = decode(file, shown_size=shown_size[::-1] if turned else shown_size)
    height = width * 2 // 3
    assert_photo(array, *((width, height) if turned else (height, width)))
    step = len(BLOCKS) // height
    expected = np.rot90(BLOCKS, -1) if turned else BLOCKS
    assert np.abs(array.astype(int) - expected[::step, ::step]).mean() < 8


@pytest.mark.parametrize(("kind", "options"), LOSSLESS)
def test_other_formats_are_decoded_at_their_full_size(kind: str, options: dict[str, Any]) -> None:
    array = decode(encode(BLOCKS, kind, **options), shown_size=(48, 32))
    np.testing.assert_array_equal(array, BLOCKS)
