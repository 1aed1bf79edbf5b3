"""The consequences of the statistics for training, as sentences."""

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from faceage_core.data.describe.description import Description
from faceage_core.data.describe.statistics import NOT_STATED, Bands

BALANCED_RATIO = 1.5  # groups whose sizes differ by a smaller factor are called balanced
# Splits differ if their Kolmogorov-Smirnov distance is larger than this, and the test rejects
# equality at a level of 5 %.
SHIFTED_DISTANCE = 0.1
KS_5_PERCENT = 1.358

_REMEDIES = (
    "The trainer offers two remedies, both by the square root of how rare an age is: weights "
    "(loss.balance=weights), with which images of rare ages count more in the loss, and "
    "oversampling by age density (loss.balance=oversample), with which they are drawn more often. "
    "Neither adds information about a band with a handful of images. For gender and race the "
    "trainer has no remedy: images of the rare groups have to be added. Report errors by age band "
    "and by group, as an average over all images hides the rare ones."
)


def imbalance(description: Description) -> tuple[str, ...]:
    """The imbalance of ages and groups and its remedies, one sentence or paragraph each."""
    return (*_ages(description), *_groups(description.groups), _REMEDIES)


def warnings(description: Description) -> tuple[str, ...]:
    """Problems that make results on this data set wrong, one sentence each."""
    found = []
    for what, value in (
        ("identical files", description.same_file),
        ("images that look the same", description.same_look),
        ("images of one identity", description.same_person),
    ):
        if value is not None and value.groups_across_splits:
            found.append(
                f"Groups of {what} in more than one split: {value.groups_across_splits:,}. "
                "Results on the held-out splits are too good."
            )
    found.extend(
        f"The ages of {split.name} differ from those of the other splits "
        f"(Kolmogorov-Smirnov distance {split.distance:.2f})."
        for split in description.splits
        if split.distance is not None
        and split.distance
        > max(SHIFTED_DISTANCE, _critical_distance(split.ages.count, description.ages.count))
    )
    return tuple(found)


def _critical_distance(inside: int, total: int) -> float:
    """The distance that two samples of one distribution exceed in 5 % of cases."""
    return KS_5_PERCENT * math.sqrt(1 / inside + 1 / (total - inside))


def _ages(description: Description) -> list[str]:
    bands, total = description.wide_bands, description.ages.count
    filled = np.flatnonzero(bands.counts)
    if len(filled) == 1:
        return [f"All ages are in one band of ten years, {bands.label(int(filled[0]))}."]
    gaps = _gaps(bands, filled)
    most = bands.peak
    least = int(filled[bands.counts[filled].argmin()])
    high, low = int(bands.counts[most]), int(bands.counts[least])
    if high < BALANCED_RATIO * low:
        return gaps or ["The age bands of ten years are balanced."]
    rare = int(bands.counts[bands.counts < 0.05 * total].sum())
    sentence = (
        f"The largest age band of ten years, {bands.label(most)}, contains {high:,} images "
        f"({high / total:.0%}); the smallest that is not empty, {bands.label(least)}, contains "
        f"{low:,}: {high / low:,.0f} to 1."
    )
    if rare:
        sentence += (
            f" Bands with less than 5 % each contain {rare:,} images ({rare / total:.1%}) in total."
        )
    return [
        sentence + " A network trained without a remedy is biased towards the frequent ages.",
        *gaps,
    ]


def _gaps(bands: Bands, filled: NDArray[np.int64]) -> list[str]:
    """A sentence that names the empty bands between the filled bands [F], if there are any."""
    runs = [
        f"{bands.edges[below + 1]:g}-{bands.edges[above] - 1:g}"
        for below, above in pairwise(filled.tolist())
        if above > below + 1
    ]
    if not runs:
        return []
    *others, last = runs
    listed = f"{', '.join(others)} or {last}" if others else last
    return [f"No image is of ages {listed}."]


def _groups(groups: Mapping[str, Mapping[str, int]]) -> list[str]:
    sentences = []
    for field, counts in groups.items():
        stated = {value: count for value, count in counts.items() if value != NOT_STATED}
        total = sum(counts.values())
        if missing := total - sum(stated.values()):
            sentences.append(f"Images without a stated {field}: {missing:,}.")
        if not stated:
            continue
        if len(stated) == 1:
            sentences.append(f"All images with a stated {field} are {next(iter(stated))}.")
            continue
        (most, high), *_, (least, low) = stated.items()
        if high < BALANCED_RATIO * low:
            sentences.append(f"By {field} the images are balanced.")
        else:
            sentences.append(
                f"By {field} the groups range from {high:,} ({most}) to {low:,} ({least}), "
                f"{high / low:.1f} to 1."
            )
    return sentences
