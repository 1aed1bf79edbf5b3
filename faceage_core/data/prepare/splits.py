"""Splits without leaks, stratified by age, that depend on the content of the images alone.

Images of one identity, and images that look the same, form a group; a group is never divided. The
groups are assigned in order of size, the largest first, each to the split where it brings the
numbers of images by age nearest to the requested shares. The order of groups of equal size comes
from a hash of the images' digests and the seed: file names and the order of files do not matter.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from faceage_core.data.prepare.duplicates import near_pairs
from faceage_core.errors import InvalidArgument

# Ages are stratified at these resolutions at once: one year, five years, and all ages together.
_RESOLUTIONS_YEARS = (1, 5, 1000)
_NAMES = {2: ("train", "val"), 3: ("train", "val", "test")}


def parse_split(text: str) -> dict[str, float]:
    """Parse "80/20" (train, val) or "70/15/15" (train, val, test) into shares, 0-1.

    Raises:
        InvalidArgument: the text is not two or three percentages above 0 that sum to 100.
    """
    parts = [int(part) for part in text.split("/")] if re.fullmatch(r"\d+(/\d+)+", text) else []
    if len(parts) not in _NAMES or min(parts) < 1 or sum(parts) != 100:
        raise InvalidArgument(
            f"split must be two or three percentages that sum to 100, such as 80/20 or 70/15/15, "
            f"got {text!r}",
            field="split",
        )
    return {name: part / 100 for name, part in zip(_NAMES[len(parts)], parts, strict=True)}


def fold_shares(count: int) -> dict[str, float]:
    """Equal shares named fold-0, fold-1, ...

    Raises:
        InvalidArgument: there are fewer than two folds.
    """
    if count < 2:
        raise InvalidArgument(f"folds must be >= 2, got {count}", field="folds")
    return {f"fold-{index}": 1 / count for index in range(count)}


def group_images(
    identities: Sequence[str | None],
    perceptual_hashes: Sequence[str],
    *,
    distance: int,
) -> NDArray[np.int64]:
    """Group the images that must be in one split: of one person, or that look the same.

    Args:
        identities: [N] the person in each image; None if not stated.
        perceptual_hashes: [N] of 16 hexadecimal digits.
        distance: images whose hashes differ in at most so many bits look the same.

    Returns:
        [N] int64, the group of each image.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(perceptual_hashes)
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    hashes = np.array([int(text, 16) for text in perceptual_hashes], dtype=np.uint64)
    unique, hash_of = np.unique(hashes, return_inverse=True)
    # A graph of images, hashes and people: one edge from each image to its hash, one to its person.
    people: dict[str, int] = {}
    known = [
        (image, people.setdefault(identity, len(people)))
        for image, identity in enumerate(identities)
        if identity is not None
    ]
    edges = np.concatenate(
        [
            np.stack([np.arange(count), count + hash_of], axis=1),
            count + near_pairs(unique, distance),
            np.array(known, dtype=np.int64).reshape(-1, 2) + (0, count + len(unique)),
        ]
    )
    size = count + len(unique) + len(people)
    graph = coo_array((np.ones(len(edges), dtype=np.int8), edges.T), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(labels[:count], dtype=np.int64)


def assign_groups(
    sha256s: Sequence[str],
    ages_years: Sequence[float],
    group_of: NDArray[np.int64],
    shares: Mapping[str, float],
    *,
    seed: int,
) -> list[str]:
    """Assign groups of images to splits.

    Args:
        sha256s: [N] the images' digests, unique.
        ages_years: [N] the ages.
        group_of: [N] the result of `group_images`.
        shares: each split's share; they sum to 1.
        seed: of the order of groups of equal size.

    Returns:
        [N] the name of each image's split.
    """
    names = list(shares)
    strata = _strata(ages_years)
    totals = np.bincount(strata.ravel(), minlength=1).astype(np.float64)
    targets = np.array([[shares[name]] for name in names]) * totals
    # Ages too rare for all splits get no weight: they would pull everything to the largest split.
    weights = np.where(targets.min(axis=0) >= 1, 1 / np.maximum(targets, 1), 0)
    missing = targets.copy()  # [splits, strata]: images that each split still lacks
    empty = set(range(len(names)))
    chosen = [""] * len(sha256s)
    order = _ordered_groups(sha256s, group_of, seed)
    for position, members in enumerate(order):
        cells, counts = _cells(strata, members)
        # How far the squared distance to the targets, relative to them, would grow.
        growth = (counts * (counts - 2 * missing[:, cells]) * weights[:, cells]).sum(axis=1)
        if len(order) - position <= len(empty):  # else a split would stay empty
            growth[[index for index in range(len(names)) if index not in empty]] = np.inf
        best = int(growth.argmin())
        empty.discard(best)
        missing[best, cells] -= counts
        for member in members:
            chosen[member] = names[best]
    return chosen


def split_hash(sha256s: Sequence[str], splits: Sequence[str]) -> str:
    """A digest of the assignment: equal only if the same images are in the same splits."""
    lines = sorted(f"{sha}\t{split}\n" for sha, split in zip(sha256s, splits, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _cells(
    strata: NDArray[np.int64], members: list[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The strata that contain a group's images, and the number of its images in each."""
    if len(members) == 1:  # as in most groups; the strata of one image all differ
        cells = strata[members[0]]
        return cells, np.ones_like(cells)
    return np.unique(strata[members], return_counts=True)


def _strata(ages_years: Sequence[float]) -> NDArray[np.int64]:
    """[N, resolutions] the stratum of each age at each resolution, numbered consecutively."""
    ages = np.asarray(ages_years, dtype=np.float64)
    columns, offset = [], 0
    for years in _RESOLUTIONS_YEARS:
        _, cells = np.unique(ages // years, return_inverse=True)
        columns.append(cells + offset)
        offset += int(cells.max(initial=-1)) + 1
    return np.stack(columns, axis=1)


def _ordered_groups(
    sha256s: Sequence[str], group_of: NDArray[np.int64], seed: int
) -> list[list[int]]:
    """Groups as lists of images: the largest first, then by a hash of content and seed."""
    members: dict[int, list[int]] = {}
    for image, group in enumerate(group_of.tolist()):
        members.setdefault(group, []).append(image)

    def key(group: list[int]) -> tuple[int, bytes]:
        first = min(sha256s[image] for image in group)
        return -len(group), hashlib.sha256(f"{seed}:{first}".encode()).digest()

    return sorted(members.values(), key=key)
