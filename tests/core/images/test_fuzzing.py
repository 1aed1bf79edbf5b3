"""Many threads and arbitrary bytes: the result is an array or an image error."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceage_core.errors import ImageTooLarge, UnreadableImage, UnsupportedFormat
from faceage_core.images import ImageLimits, decode
from tests.core.images.assertions import assert_photo
from tests.core.images.factories import FORMATS, any_file, encode, exif, noise, palette, png, rows16


def test_many_threads_see_the_same_pixels() -> None:
    files = [any_file(kind) for kind in FORMATS] + [encode(noise(), "PNG", exif=exif(6))]
    expected = [decode(data) for data in files]
    with ThreadPoolExecutor(8) as pool:
        arrays = list(pool.map(decode, files * 10))
    for index, array in enumerate(arrays):
        np.testing.assert_array_equal(array, expected[index % len(files)])


SEEDS = [
    encode(noise(), "JPEG", exif=exif(6)),
    encode(noise(), "JPEG", progressive=True),
    encode(noise(), "PNG", exif=exif(3)),
    palette(b"\xff\x80\xff"),
    png(4, 3, 16, 0, rows16(0x9C40)),
    encode(noise(), "WEBP", exif=exif(8)),
    encode(noise(), "WEBP", lossless=True),
]


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=500)
@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    kept=st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_damaged_files_give_an_array_or_an_image_error(
    seed: bytes, changes: list[tuple[float, int]], kept: float
) -> None:
    data = bytearray(seed)
    for place, value in changes:
        # Squared, to change the header more often than the pixels.
        data[int(place**2 * len(data))] = value
    try:
        array = decode(bytes(data[: int(kept * len(data))]), ImageLimits(max_pixels=1_000_000))
    except (ImageTooLarge, UnreadableImage, UnsupportedFormat) as error:
        message = error.message
        assert "BytesIO" not in message
    else:
        assert_photo(array, *array.shape[:2])
