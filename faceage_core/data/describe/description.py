"""All that is said of one data set, put together."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceage_core.data.describe.columns import Columns
from faceage_core.data.describe.statistics import (
    Ages,
    Bands,
    Repeats,
    age_bands,
    joint_bands,
    ks_distance,
    repeats,
    same_looks,
    same_words,
    summarise_ages,
    word_counts,
)
from faceage_core.data.manifest import Manifest
from faceage_core.errors import InvalidDataset

BAND_YEARS, WIDE_BAND_YEARS = 5, 10


@dataclass(frozen=True)
class SplitSummary:
    """One split beside the others.

    Attributes:
        name: of the split.
        ages: of its pictures.
        share: of all pictures, 0-1.
        female: share of those whose gender is stated, 0-1; None if none is.
        identities: how many people, as far as they are stated.
        distance: Kolmogorov-Smirnov, between its ages and those of all other splits; None if alone.
        bands: its pictures by age.
    """

    name: str
    ages: Ages
    share: float
    female: float | None
    identities: int
    distance: float | None
    bands: Bands


@dataclass(frozen=True)
class Description:
    """One data set in figures.

    Attributes:
        name: of its directory.
        manifest: what `faceage prepare` recorded.
        ages: of all pictures.
        bands: all pictures in bands of 5 years.
        wide_bands: in bands of 10 years.
        groups: for "gender" and "race" how often each word occurs.
        joint: likewise, ages by word.
        sizes: how many pictures have which width and height, the most frequent first.
        same_file: pictures of equal bytes, as the source had them.
        same_look: pictures of one look, by the bits with which the splits were made.
        same_person: pictures of one identity; None where none is stated.
        splits: one summary each.
        rejected: rows set aside, by reason.
    """

    name: str
    manifest: Manifest
    ages: Ages
    bands: Bands
    wide_bands: Bands
    groups: Mapping[str, Mapping[str, int]]
    joint: Mapping[str, Bands]
    sizes: Mapping[tuple[int, int], int]
    same_file: Repeats
    same_look: Repeats
    same_person: Repeats | None
    splits: tuple[SplitSummary, ...]
    rejected: Mapping[str, int]


def describe(
    name: str, manifest: Manifest, columns: Columns, rejections: pa.ChunkedArray
) -> Description:
    """Count everything.

    Raises:
        InvalidDataset: there is no picture, or an age that is none.
    """
    ages, table, split_of = columns.ages, columns.table, columns.split_of
    if not len(ages):
        raise InvalidDataset(f"data set {name} holds no pictures")
    if not (np.isfinite(ages).all() and ages.min() >= 0):
        raise InvalidDataset(f"data set {name} holds an age that is negative or no number")
    groups = {field: word_counts(table[field]) for field in ("gender", "race")}
    people = same_words(table["identity"])
    looks = same_looks(table["perceptual_hash"], manifest.options.near_duplicate_bits)
    return Description(
        name=name,
        manifest=manifest,
        ages=summarise_ages(ages),
        bands=age_bands(ages, BAND_YEARS),
        wide_bands=age_bands(ages, WIDE_BAND_YEARS),
        groups=groups,
        joint={
            field: joint_bands(ages, table[field], list(words), BAND_YEARS)
            for field, words in groups.items()
        },
        sizes=_sizes(table),
        same_file=repeats(same_words(table["sha256"]), split_of),
        same_look=repeats(looks, split_of),
        same_person=repeats(people, split_of) if people.max() >= 0 else None,
        splits=tuple(
            _summary(columns, number, people) for number in range(len(columns.split_names))
        ),
        rejected=word_counts(rejections),
    )


def _summary(columns: Columns, number: int, people: NDArray[np.int64]) -> SplitSummary:
    name, inside = columns.split_names[number], columns.split_of == number
    if not inside.any():
        raise InvalidDataset(f"split {name} holds no pictures")
    ages, others = columns.ages[inside], columns.ages[~inside]
    genders = word_counts(columns.table["gender"].filter(pa.array(inside)).drop_null())
    return SplitSummary(
        name=name,
        ages=summarise_ages(ages),
        share=len(ages) / len(inside),
        female=genders.get("female", 0) / sum(genders.values()) if genders else None,
        identities=len(np.unique(people[inside & (people >= 0)])),
        distance=ks_distance(ages, others) if len(others) else None,
        bands=age_bands(ages, BAND_YEARS),
    )


def _sizes(table: pa.Table) -> dict[tuple[int, int], int]:
    pairs = np.stack([table["width"].to_numpy(), table["height"].to_numpy()], axis=1)
    sizes, counts = np.unique(pairs, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {(int(sizes[i, 0]), int(sizes[i, 1])): int(counts[i]) for i in order}
