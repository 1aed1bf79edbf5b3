"""Near-duplicate images: perceptual hashes, and a search for close pairs among half a million.

The hash is ImageHash's phash: 64 bits with the signs of an image's lowest frequencies. Copies that
were resized, recompressed or slightly recoloured differ in few bits or none.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HASH_BITS = 64


def perceptual_hash(image: NDArray[np.uint8]) -> str:
    """The phash of an image, as 16 hexadecimal digits.

    Args:
        image: [H, W, 3] uint8 RGB.
    """
    from imagehash import phash

    return str(phash(Image.fromarray(image)))


def near_pairs(hashes: NDArray[np.uint64], distance: int) -> NDArray[np.int64]:
    """All pairs of hashes that differ in at most `distance` bits.

    Two hashes that differ in at most d bits agree in at least two of d + 2 bands of bits. So only
    hashes that agree in two bands are compared: for d = 4 these are 21 of the 64 bits.

    Args:
        hashes: [N] uint64, unique.
        distance: the largest number of differing bits.

    Returns:
        [P, 2] int64 indices; a pair may occur more than once.
    """
    if distance == 0 or len(hashes) < 2:
        return np.zeros((0, 2), dtype=np.int64)
    found = [
        pairs
        for first, second in combinations(_bands(distance + 2), 2)
        for pairs in _near_in_buckets(hashes, first | second, distance)
    ]
    return np.concatenate([np.zeros((0, 2), dtype=np.int64), *found])


def _bands(count: int) -> list[int]:
    """Divide the 64 bits into bands: masks that do not overlap.

    The bits are interleaved, since neighbouring bits of a phash agree in many faces.
    """
    return [sum(1 << bit for bit in range(start, HASH_BITS, count)) for start in range(count)]


def _near_in_buckets(
    hashes: NDArray[np.uint64], mask: int, distance: int
) -> list[NDArray[np.int64]]:
    """Pairs within the distance, among hashes that agree in the bits of the mask."""
    keys = hashes & np.uint64(mask)
    order = np.argsort(keys, kind="stable").astype(np.int64)
    _, starts, sizes = np.unique(keys[order], return_index=True, return_counts=True)
    # Compare each sorted hash with the next one in its bucket, then with the one after that, ...
    ends = np.repeat(starts + sizes, sizes)
    left = np.arange(len(hashes))
    found = []
    for step in range(1, int(sizes.max())):
        left = left[left + step < ends[left]]
        a, b = order[left], order[left + step]
        near = np.bitwise_count(hashes[a] ^ hashes[b]) <= distance
        if near.any():
            found.append(np.stack([a[near], b[near]], axis=1))
    return found
