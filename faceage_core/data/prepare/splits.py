"""Who trains and who tests: splits that leak nothing, follow the ages, and depend on content alone.

Pictures of one identity, and pictures that look the same, form a group; a group stays whole. Groups
are dealt, the largest first, each to the split where it brings the counts of its ages nearest to
the shares asked for. Ties and the order among groups of one size come from a hash of the pictures'
own digests and the seed: neither file names nor the order of files have a say.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from faceage_core.data.prepare.duplicates import near_pairs
from faceage_core.errors import InvalidArgument

# Ages are followed at these resolutions at once: a year, five years, and all ages together.
_RESOLUTIONS_YEARS = (1, 5, 1000)
_NAMES = {2: ("train", "val"), 3: ("train", "val", "test")}


def parse_split(text: str) -> dict[str, float]:
    """The shares that "80/20" (train, val) or "70/15/15" (train, val, test) asks for.

    Raises:
        InvalidArgument: it is not two or three percentages above 0 that sum to 100.
    """
    parts = [int(part) for part in text.split("/")] if re.fullmatch(r"\d+(/\d+)+", text) else []
    if len(parts) not in _NAMES or min(parts) < 1 or sum(parts) != 100:
        raise InvalidArgument(
            f"--split must be two or three percentages that sum to 100, such as 80/20 or 70/15/15, "
            f"got {text!r}",
            field="split",
        )
    return {name: part / 100 for name, part in zip(_NAMES[len(parts)], parts, strict=True)}


def folds(count: int) -> dict[str, float]:
    """Equal shares, named fold-0, fold-1, ...

    Raises:
        InvalidArgument: fewer than two.
    """
    if count < 2:
        raise InvalidArgument(f"--folds must be >= 2, got {count}", field="folds")
    return {f"fold-{index}": 1 / count for index in range(count)}


def groups(
    identities: Sequence[str | None],
    perceptual_hashes: Sequence[str],
    *,
    distance: int,
) -> NDArray[np.int64]:
    """Which pictures must stay together.

    Args:
        identities: [N] who is in each picture, None where nobody says.
        perceptual_hashes: [N] of 16 hexadecimal digits.
        distance: pictures whose hashes differ in so many bits, or fewer, look the same.

    Returns:
        [N] int64, a number for each picture's group.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    count = len(perceptual_hashes)
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    hashes = np.array([int(text, 16) for text in perceptual_hashes], dtype=np.uint64)
    unique, looks = np.unique(hashes, return_inverse=True)
    # A graph of pictures, looks and people: one edge from a picture to its look, one to its person.
    people: dict[str, int] = {}
    known = [
        (picture, people.setdefault(identity, len(people)))
        for picture, identity in enumerate(identities)
        if identity is not None
    ]
    edges = np.concatenate(
        [
            np.stack([np.arange(count), count + looks], axis=1),
            count + near_pairs(unique, distance),
            np.array(known, dtype=np.int64).reshape(-1, 2) + (0, count + len(unique)),
        ]
    )
    size = count + len(unique) + len(people)
    graph = coo_array((np.ones(len(edges), dtype=np.int8), edges.T), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    return np.asarray(labels[:count], dtype=np.int64)


def assign(
    sha256s: Sequence[str],
    ages_years: Sequence[float],
    group_of: NDArray[np.int64],
    shares: Mapping[str, float],
    *,
    seed: int,
) -> list[str]:
    """Deal the pictures' groups to splits.

    Args:
        sha256s: [N] the pictures' digests, each once.
        ages_years: [N] the ages.
        group_of: [N] as `groups` gives it.
        shares: each split's share; they sum to 1.
        seed: another seed, another split.

    Returns:
        [N] a split's name for each picture.
    """
    names = list(shares)
    strata = _strata(ages_years)
    totals = np.bincount(strata.ravel(), minlength=1).astype(np.float64)
    targets = np.array([[shares[name]] for name in names]) * totals
    # An age too rare to be shared out says nothing, but would pull everything to the largest split.
    weights = np.where(targets.min(axis=0) >= 1, 1 / np.maximum(targets, 1), 0)
    missing = targets.copy()  # [splits, strata]: what each split still lacks
    empty = set(range(len(names)))
    chosen = [""] * len(sha256s)
    order = _dealing_order(sha256s, group_of, seed)
    for position, members in enumerate(order):
        cells, counts = _cells(strata, members)
        # How far the squared distance to the targets, relative to them, would grow.
        growth = (counts * (counts - 2 * missing[:, cells]) * weights[:, cells]).sum(axis=1)
        if len(order) - position <= len(empty):  # else a split would get nothing
            growth[[index for index in range(len(names)) if index not in empty]] = np.inf
        best = int(growth.argmin())
        empty.discard(best)
        missing[best, cells] -= counts
        for member in members:
            chosen[member] = names[best]
    return chosen


def split_hash(sha256s: Sequence[str], splits: Sequence[str]) -> str:
    """One digest for who is where: equal only if the same pictures are split alike."""
    lines = sorted(f"{sha}\t{split}\n" for sha, split in zip(sha256s, splits, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _cells(
    strata: NDArray[np.int64], members: list[int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cells in which a group's pictures lie, and how many of them in each."""
    if len(members) == 1:  # nearly all groups are; a picture's cells all differ
        cells = strata[members[0]]
        return cells, np.ones_like(cells)
    return np.unique(strata[members], return_counts=True)


def _strata(ages_years: Sequence[float]) -> NDArray[np.int64]:
    """[N, resolutions] which cell of each resolution an age lies in, counted through."""
    ages = np.asarray(ages_years, dtype=np.float64)
    columns, offset = [], 0
    for years in _RESOLUTIONS_YEARS:
        _, cells = np.unique(ages // years, return_inverse=True)
        columns.append(cells + offset)
        offset += int(cells.max(initial=-1)) + 1
    return np.stack(columns, axis=1)


def _dealing_order(
    sha256s: Sequence[str], group_of: NDArray[np.int64], seed: int
) -> list[list[int]]:
    """Groups as lists of pictures: the largest first, then by a hash of content and seed."""
    members: dict[int, list[int]] = {}
    for picture, group in enumerate(group_of.tolist()):
        members.setdefault(group, []).append(picture)

    def key(group: list[int]) -> tuple[int, bytes]:
        first = min(sha256s[picture] for picture in group)
        return -len(group), hashlib.sha256(f"{seed}:{first}".encode()).digest()

    return sorted(members.values(), key=key)
