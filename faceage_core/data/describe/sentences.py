"""What the figures mean for training, in plain words."""

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from faceage_core.data.describe.description import Description
from faceage_core.data.describe.statistics import NOT_STATED, Bands

EVEN = 1.5  # groups whose sizes differ by less than this are called even
SHIFTED = 0.1  # Kolmogorov-Smirnov distance from which splits are called unlike,
CHANCE_5_PERCENT = 1.358  # unless the test of that name, at 5 %, would put it down to chance

_REMEDIES = (
    "The trainer offers two remedies, both by the square root of how rare an age is: weights "
    "(loss.balance=weights), with which pictures of rare ages count more in the loss, and "
    "oversampling by age density (loss.balance=oversample), with which they are drawn more often. "
    "Neither adds knowledge: a band with a handful of pictures stays a handful. For gender and "
    "race the trainer has no remedy: pictures of the rare groups have to be added. Report errors "
    "by age band and by group, as an average over all pictures hides the rare ones."
)


def imbalance(description: Description) -> tuple[str, ...]:
    """How uneven ages and groups are, and what can be done: one paragraph, as its sentences."""
    return (*_ages(description), *_groups(description.groups), _REMEDIES)


def warnings(description: Description) -> tuple[str, ...]:
    """What would make results on this data set wrong, one sentence each; none if all is well."""
    found = []
    for what, value in (
        ("identical files", description.same_file),
        ("pictures that look the same", description.same_look),
        ("pictures of one identity", description.same_person),
    ):
        if value is not None and value.groups_across_splits:
            found.append(
                f"Groups of {what} that lie in more than one split: "
                f"{value.groups_across_splits:,}. Results on the held-out splits are too good."
            )
    found.extend(
        f"The ages of {split.name} are unlike those of the other splits "
        f"(Kolmogorov-Smirnov distance {split.distance:.2f})."
        for split in description.splits
        if split.distance is not None
        and split.distance > max(SHIFTED, _chance(split.ages.count, description.ages.count))
    )
    return tuple(found)


def _chance(inside: int, total: int) -> float:
    """How far two samples of one distribution may well lie apart."""
    return CHANCE_5_PERCENT * math.sqrt(1 / inside + 1 / (total - inside))


def _ages(description: Description) -> list[str]:
    bands, total = description.wide_bands, description.ages.count
    filled = np.flatnonzero(bands.counts)
    if len(filled) == 1:
        return [f"All ages lie in one band of ten years, {bands.label(int(filled[0]))}."]
    gaps = _gaps(bands, filled)
    most = int(bands.counts.argmax())
    least = int(filled[bands.counts[filled].argmin()])
    high, low = int(bands.counts[most]), int(bands.counts[least])
    if high < EVEN * low:
        return gaps or ["The age bands of ten years are about evenly filled."]
    rare = int(bands.counts[bands.counts < 0.05 * total].sum())
    sentence = (
        f"The fullest age band of ten years, {bands.label(most)}, holds {high:,} pictures "
        f"({high / total:.0%}); the smallest that is not empty, {bands.label(least)}, holds "
        f"{low:,}: {high / low:,.0f} to 1."
    )
    if rare:
        sentence += (
            f" Bands with less than 5 % each hold {rare:,} pictures ({rare / total:.1%}) together."
        )
    return [
        sentence + " Trained on it as it is, a network leans towards the frequent ages.",
        *gaps,
    ]


def _gaps(bands: Bands, filled: NDArray[np.int64]) -> list[str]:
    """The ages between the filled bands [F] that no picture shows, in one sentence or none."""
    runs = [
        f"{bands.edges[below + 1]:g}-{bands.edges[above] - 1:g}"
        for below, above in pairwise(filled.tolist())
        if above > below + 1
    ]
    if not runs:
        return []
    *others, last = runs
    listed = f"{', '.join(others)} or {last}" if others else last
    return [f"No picture shows ages {listed}."]


def _groups(groups: Mapping[str, Mapping[str, int]]) -> list[str]:
    sentences = []
    for field, counts in groups.items():
        stated = {word: count for word, count in counts.items() if word != NOT_STATED}
        total = sum(counts.values())
        if missing := total - sum(stated.values()):
            sentences.append(f"Pictures without a stated {field}: {missing:,}.")
        if not stated:
            continue
        if len(stated) == 1:
            sentences.append(f"All pictures with a stated {field} are {next(iter(stated))}.")
            continue
        (most, high), *_, (least, low) = stated.items()
        if high < EVEN * low:
            sentences.append(f"By {field} the pictures are about even.")
        else:
            sentences.append(
                f"By {field} they range from {high:,} ({most}) to {low:,} ({least}), "
                f"{high / low:.1f} to 1."
            )
    return sentences
