"""Plain figures over columns: arrays in, numbers out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceage_core.data.prepare.splits import groups

NOT_STATED = "not stated"


@dataclass(frozen=True)
class Ages:
    """The ages of some pictures, in years; quartiles are the 25th, 50th and 75th percentile."""

    count: int
    mean: float
    std: float
    minimum: float
    quartiles: tuple[float, float, float]
    maximum: float


@dataclass(frozen=True)
class Bands:
    """Pictures by age.

    Attributes:
        edges: [B + 1] years; a band holds its lower edge and not its upper one.
        counts: [B], or [groups, B].
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def peak(self) -> int:
        """The fullest band; of several, the youngest."""
        return int(self.counts.argmax())

    def label(self, band: int) -> str:
        """A band in words: "20-29"."""
        low, high = self.edges[band], self.edges[band + 1]
        return f"{low:g}" if high - low == 1 else f"{low:g}-{high - 1:g}"


@dataclass(frozen=True)
class Repeats:
    """Groups of pictures that share something.

    Attributes:
        groups: of two or more.
        pictures: in those groups.
        groups_across_splits: that have pictures in several splits.
    """

    groups: int
    pictures: int
    groups_across_splits: int


def summarise_ages(ages: NDArray[np.float64]) -> Ages:
    """Of [N] ages, N > 0."""
    low, middle, high = (float(value) for value in np.percentile(ages, (25, 50, 75)))
    return Ages(
        count=len(ages),
        mean=float(ages.mean()),
        std=float(ages.std()),
        minimum=float(ages.min()),
        quartiles=(low, middle, high),
        maximum=float(ages.max()),
    )


def age_bands(ages: NDArray[np.float64], years: int) -> Bands:
    """[N] ages, counted in bands of so many years from 0 to the oldest."""
    bands = int(ages.max(initial=0) // years) + 1
    edges = np.arange(bands + 1, dtype=np.float64) * years
    return Bands(edges, np.bincount((ages // years).astype(np.int64), minlength=bands))


def word_counts(column: pa.ChunkedArray) -> dict[str, int]:
    """How often each word occurs, the most frequent first; what is missing as "not stated"."""
    stated = pc.fill_null(column.cast(pa.string()), NOT_STATED)  # which may also be a word of it
    counted = [
        (str(pair["values"]), int(pair["counts"])) for pair in pc.value_counts(stated).to_pylist()
    ]
    return dict(sorted(counted, key=lambda item: (-item[1], item[0])))


def joint_bands(
    ages: NDArray[np.float64], column: pa.ChunkedArray, words: Sequence[str], years: int
) -> Bands:
    """Ages by group: counts [len(words), B], of the words of `word_counts`."""
    every = age_bands(ages, years)
    stated = pc.fill_null(column.cast(pa.string()), NOT_STATED)
    group = pc.index_in(stated, value_set=pa.array(words, pa.string())).to_numpy()
    bands = len(every.counts)
    cells = group.astype(np.int64) * bands + (ages // years).astype(np.int64)
    counts = np.bincount(cells, minlength=len(words) * bands)
    return Bands(every.edges, counts.reshape(len(words), bands))


def ks_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Kolmogorov and Smirnov's: the largest gap between two cumulative distributions, 0-1."""
    places = np.concatenate([first, second])
    gaps = np.searchsorted(np.sort(first), places, side="right") / len(first)
    gaps -= np.searchsorted(np.sort(second), places, side="right") / len(second)
    return float(np.abs(gaps).max())


def repeats(group_of: NDArray[np.int64], split_of: NDArray[np.int64]) -> Repeats:
    """Of [N] group numbers from 0, and [N] splits; negative groups are left out."""
    known = group_of >= 0
    sizes = np.bincount(group_of[known])
    pairs = np.unique(np.stack([group_of[known], split_of[known]]), axis=1)
    splits = np.bincount(pairs[0], minlength=len(sizes))
    return Repeats(
        groups=int((sizes > 1).sum()),
        pictures=int(sizes[sizes > 1].sum()),
        groups_across_splits=int((splits > 1).sum()),
    )


def same_words(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """[N] a number for each word, -1 where it is missing."""
    codes = column.cast(pa.string()).combine_chunks().dictionary_encode().indices
    numbers: NDArray[np.int64] = pc.fill_null(codes, -1).to_numpy(zero_copy_only=False)
    return numbers.astype(np.int64)


def same_looks(hashes: pa.ChunkedArray, bits: int) -> NDArray[np.int64]:
    """[N] a number for each group whose perceptual hashes differ in so few bits, link by link."""
    return groups([None] * len(hashes), hashes.to_pylist(), distance=bits)
