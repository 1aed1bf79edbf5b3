"""The encoded picture."""

import io

import numpy as np
import pytest
from PIL import Image

from faceage_core.errors import InvalidArgument
from faceage_core.render import encode_jpeg, render_comparison
from tests.core.render.factories import SAME_PERSON, face, panel


def test_jpeg_shows_the_picture_and_carries_no_metadata() -> None:
    picture = render_comparison(
        panel(512, 512, face(100, 50, 300, 350)), panel(60, 80), SAME_PERSON
    )
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
    picture = render_comparison(panel(60, 80), panel(60, 80), SAME_PERSON)
    assert len(encode_jpeg(picture, quality=30)) < len(encode_jpeg(picture, quality=95))
    for quality in (0, 101):
        with pytest.raises(InvalidArgument, match=f"quality must be 1-100, got {quality}"):
            encode_jpeg(picture, quality=quality)
