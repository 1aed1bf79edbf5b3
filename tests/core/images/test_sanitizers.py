"""Malicious files are rejected, or decoded without their expensive parts."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from faceage_core.errors import UnreadableImage
from faceage_core.images import decode
from tests.core.images.assertions import (
    assert_cpu_below,
    assert_memory_below,
    assert_photo,
    assert_rejected,
)
from tests.core.images.factories import box, chunk, encode, noise, png, quadrants, solid, tiff
from tests.core.images.malicious import (
    BYTE,
    GREY,
    LONG,
    PIXELS,
    RATIONAL,
    SHORT,
    directory,
    exif_segments,
    grey_entries,
    insert_after_soi,
    insert_before_frame,
    overlapping,
    repeated_scan,
    segment,
)

TURNED = [(0x0112, SHORT, 1, 6)]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_exif_whose_entries_overlap(kind: str) -> None:
    block = overlapping(TURNED)
    if kind == "JPEG":
        # Without JFIF: its resolution would keep Pillow from reading the EXIF.
        data = insert_after_soi(b"\xff\xd8" + encode(noise(), "JPEG")[20:], *exif_segments(block))
    elif kind == "AVIF":
        harmless = directory([], bytes(len(block) - 14))  # Pillow parses the EXIF that it writes.
        data = encode(noise(), kind, exif=harmless).replace(harmless, block)
        assert block in data
    else:
        data = encode(noise(), kind, exif=block)
    with assert_memory_below():
        array = decode(data)
    # The orientation of an AVIF is in its container.
    assert_photo(array, *((24, 40) if kind == "AVIF" else (40, 24)))


def test_a_tiff_whose_entries_overlap() -> None:
    with assert_memory_below():
        assert "overlap" in assert_rejected(UnreadableImage, overlapping(grey_entries()))


@pytest.mark.parametrize("tag", [273, 282, 258, 34675])
def test_a_tiff_that_lists_millions_of_numbers(tag: int) -> None:
    """Pillow makes a tile of each offset, and a fraction of each resolution."""
    kind = RATIONAL if tag == 282 else LONG
    entries = [entry for entry in grey_entries() if entry[0] != tag]
    data = directory([*entries, (tag, kind, 1_500_000, None)], bytes(12_000_000))
    with assert_memory_below():
        assert "131072 numbers" in assert_rejected(UnreadableImage, data)


def test_a_tiff_with_very_many_entries() -> None:
    entries = struct.pack("<HHQQ", 40_000, BYTE, 1, 0) * 500_000
    data = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 500_000) + entries + bytes(8)
    with assert_cpu_below():
        assert "4096 entries" in assert_rejected(UnreadableImage, data)


def test_a_tiff_whose_directories_form_a_cycle() -> None:
    array = decode(directory(grey_entries(), PIXELS, following=8))
    np.testing.assert_array_equal(array[..., 0], np.arange(12).reshape(3, 4))


def test_a_jpeg_whose_last_scan_is_repeated() -> None:
    with assert_cpu_below(75):
        assert "100 scans" in assert_rejected(UnreadableImage, repeated_scan(1000))
    few = encode(noise(), "JPEG", progressive=True).count(b"\xff\xda")
    assert_photo(decode(repeated_scan(100 - few)), 24, 40)
    assert_rejected(UnreadableImage, repeated_scan(101 - few))


def test_scans_are_counted_between_restart_and_unknown_markers() -> None:
    data = encode(noise(), "JPEG", progressive=True, restart_marker_blocks=1)
    scan = data[data.rindex(b"\xff\xda") : -2]
    for mark in (b"\xff\xd0", b"\xff\x01", b"\xff\x02", b"\xff\xff\xff", b"\xff\0", b"x"):
        assert_rejected(UnreadableImage, data[:-2] + (scan + mark) * 200 + data[-2:])


@pytest.mark.parametrize("marker", [0xE1, 0xED, 0xFE, 0xDB, 0xC4])
def test_a_jpeg_with_very_many_segments(marker: int) -> None:
    body = b"" if marker in (0xDB, 0xC4) else b"Exif\0\0" + b"x" * 150
    data = insert_after_soi(encode(noise(), "JPEG"), *[segment(marker, body)] * 80_000)
    with assert_cpu_below(75):
        assert "500 segments" in assert_rejected(UnreadableImage, data)


@pytest.mark.parametrize("mark", [0xC8, 0xD8, 0xD9, 0xF0])
def test_segments_after_a_standalone_marker_are_counted(mark: int) -> None:
    """Pillow skips the marker alone; parsed as a segment, it would hide the segments after it."""
    hidden = bytes([0xFF, mark]) + segment(0xFE, b"") * 100_000
    with assert_cpu_below(75):
        assert_rejected(UnreadableImage, insert_after_soi(encode(noise(), "JPEG"), hidden))


@pytest.mark.parametrize("junk", [b"\xff", b"\xff\0", b"\xff\xd0", b"x"])
def test_a_jpeg_with_junk_between_its_segments(junk: bytes) -> None:
    data = insert_after_soi(encode(noise(), "JPEG"), segment(0xFE, b""), junk * 7_000_000, b"\0")
    with assert_cpu_below():
        assert "junk" in assert_rejected(UnreadableImage, data)
    few = insert_after_soi(encode(noise(), "JPEG"), segment(0xFE, b""), junk * 100, b"\0")
    np.testing.assert_array_equal(decode(few), decode(encode(noise(), "JPEG")))


@pytest.mark.parametrize(
    "blocks",
    [
        b"!\xfe\1x\0" * 600_000,
        b"!\xfe" + (b"\xff" + b"x" * 255) * 50_000 + b"\0",
        b"!\xff\x0bXMP DataXMP" + b"\1x" * 1_000_000 + b"\0",
        b"!\xf9\4\0\0\0\0\0" * 300_000,
    ],
    ids=["comments", "a long comment", "an application", "controls"],
)
def test_a_gif_with_large_extensions(blocks: bytes) -> None:
    plain = encode(quadrants(), "GIF")
    with assert_cpu_below():
        array = decode(insert_before_frame(plain, blocks))
    np.testing.assert_array_equal(array, quadrants())


def test_32_bit_values_are_scaled_with_bounded_memory() -> None:
    values = np.linspace(-5, 7, 4_000_000, dtype=np.float32).reshape(2000, 2000)
    data = encode(values, "TIFF", compression="tiff_adobe_deflate")
    with assert_memory_below(60):
        array = decode(data)
    expected = np.rint((values.astype(np.float64) + 5) * (255 / 12))
    assert np.abs(array[..., 0] - expected).max() <= 1
    assert (array.min(), array.max()) == (0, 255)


def test_large_integers_stay_distinct() -> None:
    values = (2_000_000_000 + np.arange(256, dtype=np.int32)).reshape(16, 16)
    array = decode(encode(values, "TIFF"))
    np.testing.assert_array_equal(array[..., 0], np.arange(256).reshape(16, 16))


def test_jpegs_with_large_metadata() -> None:
    plain = encode(noise(), "JPEG")
    profile = encode(noise(), "JPEG", icc_profile=np.random.default_rng(0).bytes(2_000_000))
    assert profile.count(b"ICC_PROFILE\0") > 30
    block = directory([*TURNED, (0x927C, 7, 3_000_000, None)], bytes(3_000_000))
    thumbnail = repeated_scan(60)
    extended_xmp = segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" * 1500)
    for data in (
        profile,
        insert_after_soi(plain, *[extended_xmp] * 200),
        insert_after_soi(plain, *[segment(0xE2, thumbnail)] * 5),
        plain + repeated_scan(300),
        plain + b"\xff\xda" * 100_000,
    ):
        np.testing.assert_array_equal(decode(data), decode(plain))
    turned = decode(insert_after_soi(plain, *exif_segments(block)))
    np.testing.assert_array_equal(turned, np.rot90(decode(plain), -1))


def test_a_jpeg_with_a_second_image_as_from_a_phone() -> None:
    frames = [Image.fromarray(noise()), Image.fromarray(noise()[::-1])]
    data = encode(frames[0], "MPO", save_all=True, append_images=frames[1:])
    np.testing.assert_array_equal(decode(data), decode(encode(noise(), "JPEG")))


@pytest.mark.parametrize("options", [{}, {"transparency": 0}, {"comment": b"x" * 3000}], ids=str)
def test_gifs_with_every_extension_before_a_frame(options: dict[str, Any]) -> None:
    frames = [Image.new("P", (4, 3), index) for index in (0, 1)]
    for frame in frames:
        frame.putpalette([200, 100, 50, 0, 0, 255])
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=0, **options)
    with Image.open(io.BytesIO(data)) as image:
        assert getattr(image, "n_frames", 1) == 2
    expected = (255, 255, 255) if "transparency" in options else (200, 100, 50)
    np.testing.assert_array_equal(decode(data)[0, 0], expected)


PAGES = [Image.new("L", (4, 3), value) for value in (77, 99, 11)]
TILES = {256: 16, 257: 16, 258: 8, 259: 1, 262: 1, 277: 1, 322: 16, 323: 16, 324: 0, 325: 256}
TIFFS = {
    "pages": encode(PAGES[0], "TIFF", save_all=True, append_images=PAGES[1:]),
    "64-bit": encode(PAGES[0], "TIFF", big_tiff=True),
    "64-bit, turned": encode(PAGES[0], "TIFF", big_tiff=True, tiffinfo={274: 3}),
    "tiles": tiff(bytes([77]) * 256, TILES),
    "a strip a row": encode(PAGES[0].resize((4, 9000)), "TIFF", tiffinfo={278: 1}),
    "a profile": encode(PAGES[0], "TIFF", icc_profile=bytes(500_000)),
    "big-endian": directory([(t, LONG, 1, v) for t, v in GREY.items()] + [(273, LONG, 1, None)],
                            bytes([77]) * 12, order=">"),
    "directories below": directory(
        grey_entries((330, LONG, 1, 8), (34665, LONG, 1, 8), (34853, LONG, 1, 0)), bytes([77]) * 12
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TIFFS)
def test_tiff_variants(name: str) -> None:
    array = decode(TIFFS[name])
    assert array.min() == array.max() == 77


def test_long_metadata_of_other_formats_are_accepted() -> None:
    late = chunk(b"eXIf", directory(TURNED))
    data = png(4, 3, 8, 0, b"\0\1\1\1\1" * 3, *[chunk(b"tEXt", b"a\0" + b"x" * 900)] * 1000)
    assert_photo(decode(data), 3, 4)
    assert_photo(decode(data[:-12] + late + data[-12:]), 4, 3)
    avif = encode(solid("RGB", (9, 9, 9)), "AVIF")
    assert_photo(decode(avif + box(b"free", bytes(1_000_000))), 3, 4)
