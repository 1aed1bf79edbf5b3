"""Assign each readable image to a split, or reject it as a duplicate, a conflict or a leak."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceage_core.data.prepare.splits import assign_groups, group_images
from faceage_core.data.schema import SPLITS, Rejection


@dataclass(frozen=True)
class Candidate:
    """The metadata of a readable image.

    Attributes:
        name: as in Entry, likewise age_years and identity.
        sha256: of the source's file.
        perceptual_hash: 16 hexadecimal digits.
        given_split: the split that the source assigns; None if it assigns none.
    """

    name: str
    sha256: str
    perceptual_hash: str
    age_years: float
    identity: str | None
    given_split: str | None


@dataclass(frozen=True)
class SplitAssignment:
    """The outcome for each candidate.

    Attributes:
        outcomes: the name of the split, or the reason for the rejection.
        groups: the number of groups of images, none of which is divided.
        largest_group: the number of images in the largest group.
    """

    outcomes: list[str | Rejection]
    groups: int
    largest_group: int


def assign_splits(
    candidates: list[Candidate],
    shares: Mapping[str, float] | None,
    *,
    distance: int,
    seed: int,
) -> SplitAssignment:
    """Reject duplicates and leaks, and assign the other images to splits.

    - Byte-identical images with different ages are all rejected: the right age is unknown.
    - Of byte-identical images with one age, one is kept: the first by name or, if the source
      assigns splits, one of the most held-out split. The people in all of them count as one.
    - If the source's own splits are kept and a group is in several of them, the images outside the
      most held-out split are rejected: test images must not be similar to training images.

    Args:
        candidates: in any order.
        shares: each split's share; None keeps the splits that the source assigns.
        distance: as for `group_images`.
        seed: as for `assign_groups`.
    """
    outcomes: list[str | Rejection] = [""] * len(candidates)
    kept = _without_copies(candidates, outcomes, keep_splits=shares is None)
    group_of = _group_candidates(candidates, outcomes, distance)[kept]
    if shares is None:
        chosen = _keep_given_splits([candidates[i] for i in kept], group_of)
    else:
        chosen = list(
            assign_groups(
                [candidates[i].sha256 for i in kept],
                [candidates[i].age_years for i in kept],
                group_of,
                shares,
                seed=seed,
            )
        )
    for index, outcome in zip(kept, chosen, strict=True):
        outcomes[index] = outcome
    sizes = np.unique(group_of, return_counts=True)[1]
    return SplitAssignment(outcomes, groups=len(sizes), largest_group=int(sizes.max(initial=0)))


def _without_copies(
    candidates: list[Candidate], outcomes: list[str | Rejection], *, keep_splits: bool
) -> list[int]:
    """Select one candidate for each file content; fill in the outcomes of the others."""
    by_content: dict[str, list[int]] = {}
    for index, candidate in enumerate(candidates):
        by_content.setdefault(candidate.sha256, []).append(index)
    kept = []
    for same in by_content.values():
        same.sort(key=lambda i: _precedence(candidates[i], keep_splits=keep_splits))
        first = candidates[same[0]]
        conflicting = any(candidates[i].age_years != first.age_years for i in same)
        if not conflicting:
            kept.append(same.pop(0))
        for i in same:
            outcomes[i] = (
                Rejection(
                    candidates[i].name, "conflicting_ages", "the same file comes with other ages"
                )
                if conflicting
                else Rejection(candidates[i].name, "duplicate", f"the same file as {first.name}")
            )
    return kept


def _group_candidates(
    candidates: list[Candidate], outcomes: list[str | Rejection], distance: int
) -> NDArray[np.int64]:
    """[N] the result of `group_images`; rejected copies still connect the people in them.

    Copies with conflicting ages are left out, -1: the wrong label may be the identity.
    """
    usable = [
        index
        for index, outcome in enumerate(outcomes)
        if not (isinstance(outcome, Rejection) and outcome.reason == "conflicting_ages")
    ]
    group_of = np.full(len(candidates), -1, dtype=np.int64)
    group_of[usable] = group_images(
        [candidates[i].identity for i in usable],
        [candidates[i].perceptual_hash for i in usable],
        distance=distance,
    )
    return group_of


def _keep_given_splits(
    candidates: list[Candidate], group_of: NDArray[np.int64]
) -> list[str | Rejection]:
    """The split that the source assigns, or a rejection if the group is in a more held-out one."""
    strictest: dict[int, int] = {}
    for candidate, group in zip(candidates, group_of.tolist(), strict=True):
        strictest[group] = max(strictest.get(group, 0), _held_out(candidate))
    outcomes: list[str | Rejection] = []
    for candidate, group in zip(candidates, group_of.tolist(), strict=True):
        split = SPLITS[strictest[group]]
        if candidate.given_split == split:
            outcomes.append(split)
        else:
            outcomes.append(
                Rejection(candidate.name, "crosses_splits", f"its person or look is in {split} too")
            )
    return outcomes


def _precedence(candidate: Candidate, *, keep_splits: bool) -> tuple[int, str, str]:
    """The sort key of copies; the first one is kept."""
    return (
        -_held_out(candidate) if keep_splits else 0,
        candidate.name,
        candidate.identity or "",
    )


def _held_out(candidate: Candidate) -> int:
    """How held-out the candidate's split is, from 0 for training."""
    return SPLITS.index(candidate.given_split or SPLITS[0])
