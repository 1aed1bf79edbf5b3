"""Statistics of columns: pure functions over arrays."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from faceage_core.data.prepare.splits import group_images

NOT_STATED = "not stated"


@dataclass(frozen=True)
class Ages:
    """Statistics of ages in years; quartiles are the 25th, 50th and 75th percentile."""

    count: int
    mean: float
    std: float
    minimum: float
    quartiles: tuple[float, float, float]
    maximum: float


@dataclass(frozen=True)
class Bands:
    """Numbers of images by age.

    Attributes:
        edges: [B + 1] years; a band includes its lower edge and excludes its upper one.
        counts: [B], or [groups, B].
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def peak(self) -> int:
        """The largest band; of several, the youngest."""
        return int(self.counts.argmax())

    def label(self, band: int) -> str:
        """The label of a band, such as "20-29"."""
        low, high = self.edges[band], self.edges[band + 1]
        return f"{low:g}" if high - low == 1 else f"{low:g}-{high - 1:g}"


@dataclass(frozen=True)
class Repeats:
    """Groups of images that share a file, a look or a person.

    Attributes:
        groups: the number of groups of two images or more.
        images: the number of images in these groups.
        groups_across_splits: the number of groups with images in several splits.
    """

    groups: int
    images: int
    groups_across_splits: int


def summarise_ages(ages: NDArray[np.float64]) -> Ages:
    """Summarise [N] ages in years, N > 0."""
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
    """Count [N] ages in bands of equal width, in years, from 0 to the oldest."""
    bands = int(ages.max(initial=0) // years) + 1
    edges = np.arange(bands + 1, dtype=np.float64) * years
    return Bands(edges, np.bincount((ages // years).astype(np.int64), minlength=bands))


def value_counts(column: pa.ChunkedArray) -> dict[str, int]:
    """The number of rows of each value, the most frequent first; nulls count as "not stated"."""
    stated = pc.fill_null(column.cast(pa.string()), NOT_STATED)
    counted = [
        (str(pair["values"]), int(pair["counts"])) for pair in pc.value_counts(stated).to_pylist()
    ]
    return dict(sorted(counted, key=lambda item: (-item[1], item[0])))


def joint_bands(
    ages: NDArray[np.float64], column: pa.ChunkedArray, values: Sequence[str], years: int
) -> Bands:
    """Ages by value: counts [len(values), B], for the values of `value_counts`."""
    overall = age_bands(ages, years)
    stated = pc.fill_null(column.cast(pa.string()), NOT_STATED)
    group = pc.index_in(stated, value_set=pa.array(values, pa.string())).to_numpy()
    bands = len(overall.counts)
    cells = group.astype(np.int64) * bands + (ages // years).astype(np.int64)
    counts = np.bincount(cells, minlength=len(values) * bands)
    return Bands(overall.edges, counts.reshape(len(values), bands))


def ks_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """The Kolmogorov-Smirnov distance: the largest gap of two cumulative distributions, 0-1."""
    ages = np.concatenate([first, second])
    gaps = np.searchsorted(np.sort(first), ages, side="right") / len(first)
    gaps -= np.searchsorted(np.sort(second), ages, side="right") / len(second)
    return float(np.abs(gaps).max())


def count_repeats(group_of: NDArray[np.int64], split_of: NDArray[np.int64]) -> Repeats:
    """Count groups of two or more, given [N] groups from 0 and [N] splits; negative is no group."""
    known = group_of >= 0
    sizes = np.bincount(group_of[known])
    pairs = np.unique(np.stack([group_of[known], split_of[known]]), axis=1)
    splits = np.bincount(pairs[0], minlength=len(sizes))
    return Repeats(
        groups=int((sizes > 1).sum()),
        images=int(sizes[sizes > 1].sum()),
        groups_across_splits=int((splits > 1).sum()),
    )


def group_by_value(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """[N] a group number for each value, -1 for null."""
    codes = column.cast(pa.string()).combine_chunks().dictionary_encode().indices
    numbers: NDArray[np.int64] = pc.fill_null(codes, -1).to_numpy(zero_copy_only=False)
    return numbers.astype(np.int64)


def group_by_look(hashes: pa.ChunkedArray, bits: int) -> NDArray[np.int64]:
    """[N] a number for each group of images connected by hashes that differ in at most `bits`."""
    return group_images([None] * len(hashes), hashes.to_pylist(), distance=bits)
