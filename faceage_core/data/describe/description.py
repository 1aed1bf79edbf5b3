"""The description of a data set: all statistics in one value."""

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
    count_repeats,
    group_by_look,
    group_by_value,
    joint_bands,
    ks_distance,
    summarise_ages,
    value_counts,
)
from faceage_core.data.manifest import Manifest
from faceage_core.errors import InvalidDataset

BAND_YEARS, WIDE_BAND_YEARS = 5, 10


@dataclass(frozen=True)
class SplitSummary:
    """Statistics of one split.

    Attributes:
        name: the split.
        ages: of its images.
        share: of all images, 0-1.
        female: share of the images with a stated gender, 0-1; None if no gender is stated.
        identities: the number of stated identities.
        distance: Kolmogorov-Smirnov distance of its ages to those of all other splits; None if it
            is the only split.
        bands: its images by age.
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
    """Statistics of one data set.

    Attributes:
        name: the data set's directory.
        manifest: its manifest.
        ages: of all images.
        bands: all images in bands of 5 years.
        wide_bands: all images in bands of 10 years.
        groups: for "gender" and "race" the number of images by value.
        joint: for "gender" and "race" the ages by value.
        sizes: the number of images by (width, height), the most frequent first.
        same_file: images whose source files have equal bytes.
        same_look: images that look the same, at the distance with which the splits were made.
        same_person: images of one identity; None if no identity is stated.
        splits: a summary of each split.
        rejected: rejected images by reason.
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
    """Compute all statistics.

    Raises:
        InvalidDataset: a split is empty, or an age is negative, NaN or infinite.
    """
    ages, table, split_of = columns.ages, columns.table, columns.split_of
    if not len(ages):
        raise InvalidDataset(f"data set {name} contains no images")
    if not (np.isfinite(ages).all() and ages.min() >= 0):
        raise InvalidDataset(f"data set {name} contains an age that is negative, NaN or infinite")
    groups = {field: value_counts(table[field]) for field in ("gender", "race")}
    person_of = group_by_value(table["identity"])
    look_of = group_by_look(table["perceptual_hash"], manifest.options.near_duplicate_bits)
    return Description(
        name=name,
        manifest=manifest,
        ages=summarise_ages(ages),
        bands=age_bands(ages, BAND_YEARS),
        wide_bands=age_bands(ages, WIDE_BAND_YEARS),
        groups=groups,
        joint={
            field: joint_bands(ages, table[field], list(counts), BAND_YEARS)
            for field, counts in groups.items()
        },
        sizes=_sizes(table),
        same_file=count_repeats(group_by_value(table["sha256"]), split_of),
        same_look=count_repeats(look_of, split_of),
        same_person=count_repeats(person_of, split_of) if person_of.max() >= 0 else None,
        splits=tuple(
            _summarise_split(columns, number, person_of)
            for number in range(len(columns.split_names))
        ),
        rejected=value_counts(rejections),
    )


def _summarise_split(columns: Columns, number: int, person_of: NDArray[np.int64]) -> SplitSummary:
    name, inside = columns.split_names[number], columns.split_of == number
    if not inside.any():
        raise InvalidDataset(f"split {name} contains no images")
    ages, others = columns.ages[inside], columns.ages[~inside]
    genders = value_counts(columns.table["gender"].filter(pa.array(inside)).drop_null())
    return SplitSummary(
        name=name,
        ages=summarise_ages(ages),
        share=len(ages) / len(inside),
        female=genders.get("female", 0) / sum(genders.values()) if genders else None,
        identities=len(np.unique(person_of[inside & (person_of >= 0)])),
        distance=ks_distance(ages, others) if len(others) else None,
        bands=age_bands(ages, BAND_YEARS),
    )


def _sizes(table: pa.Table) -> dict[tuple[int, int], int]:
    pairs = np.stack([table["width"].to_numpy(), table["height"].to_numpy()], axis=1)
    sizes, counts = np.unique(pairs, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return {(int(sizes[i, 0]), int(sizes[i, 1])): int(counts[i]) for i in order}
