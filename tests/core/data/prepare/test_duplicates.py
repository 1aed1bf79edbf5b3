import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from faceage_core.data.prepare.duplicates import near_pairs, perceptual_hash
from tests.core.data.raw_datasets import blobs


def bits_apart(a: str, b: str) -> int:
    return (int(a, 16) ^ int(b, 16)).bit_count()


def test_copies_have_close_hashes() -> None:
    original = Image.open(io.BytesIO(blobs("one", 200)))
    buffer = io.BytesIO()
    ImageEnhance.Brightness(original.resize((120, 120))).enhance(1.1).save(
        buffer, "JPEG", quality=60
    )
    hashes = [
        perceptual_hash(np.asarray(image))
        for image in (original, Image.open(buffer), Image.open(io.BytesIO(blobs("two", 200))))
    ]
    assert bits_apart(hashes[0], hashes[1]) <= 4
    assert bits_apart(hashes[0], hashes[2]) > 12
    assert all(len(text) == 16 for text in hashes)


@st.composite
def clustered(draw: st.DrawFn) -> list[int]:
    """Hashes of which many differ from others in a few bits."""
    centres = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5))
    flips = draw(st.lists(st.lists(st.integers(0, 63), max_size=9), min_size=1, max_size=40))
    hashes = set()
    for index, bits in enumerate(flips):
        value = centres[index % len(centres)]
        for bit in bits:
            value ^= 1 << bit
        hashes.add(value)
    return sorted(hashes)


@given(clustered(), st.integers(0, 8))
def test_near_pairs_equal_brute_force(hashes: list[int], distance: int) -> None:
    pairs = near_pairs(np.array(hashes, dtype=np.uint64), distance)
    found = {tuple(sorted(pair)) for pair in pairs.tolist()}
    expected = {
        (i, j)
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if (hashes[i] ^ hashes[j]).bit_count() <= distance
    }
    assert found == expected


@pytest.mark.timeout(60)
def test_half_a_million_hashes() -> None:
    rng = np.random.default_rng(0)
    hashes = np.unique(rng.integers(0, 2**64, 500_000, dtype=np.uint64))
    near = hashes[:1000] ^ np.uint64(0x8000_0100_0000_1001)
    both = np.concatenate([hashes, near])
    pairs = near_pairs(both, 4)
    expected = {(i, len(hashes) + i) for i in range(1000)}
    assert {tuple(sorted(pair)) for pair in pairs.tolist()} >= expected
