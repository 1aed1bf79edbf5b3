"""What becomes of each picture that could be read: its split, or why it is set aside after all."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceage_core.data.prepare.splits import assign, groups
from faceage_core.data.schema import SPLITS, Rejection


@dataclass(frozen=True)
class Candidate:
    """What there is to know of a readable picture, besides its pixels.

    Attributes:
        name: as in Entry, likewise age_years, identity and given_split.
        sha256: of its file.
        perceptual_hash: 16 hexadecimal digits.
    """

    name: str
    sha256: str
    perceptual_hash: str
    age_years: float
    identity: str | None
    given_split: str | None


@dataclass(frozen=True)
class Decisions:
    """The outcome, a value for each candidate.

    Attributes:
        outcomes: a split's name, or the reason why the picture is set aside.
        groups: how many groups of pictures the splits keep together.
        largest_group: the pictures in the largest.
    """

    outcomes: list[str | Rejection]
    groups: int
    largest_group: int


def decide(
    candidates: list[Candidate],
    shares: Mapping[str, float] | None,
    *,
    distance: int,
    seed: int,
) -> Decisions:
    """Set doubles aside and split the rest.

    - Byte-identical pictures whose ages differ are all set aside: nobody knows which is right.
    - Of byte-identical pictures with one age, one is kept: the first by name, or, where the source
      gives splits, one of the most held-out split. The people of all of them count as one.
    - Where the source's own splits are kept, and one identity or look is in several of them, the
      pictures outside the most held-out one are set aside: what tests must not have trained.

    Args:
        candidates: in any order.
        shares: each split's share; None keeps the splits that the source gives.
        distance: as for `splits.groups`.
        seed: as for `splits.assign`.
    """
    outcomes: list[str | Rejection] = [""] * len(candidates)
    kept = _without_copies(candidates, outcomes, given=shares is None)
    group_of = _groups(candidates, outcomes, distance)[kept]
    if shares is None:
        chosen = _given([candidates[i] for i in kept], group_of)
    else:
        chosen = list(
            assign(
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
    return Decisions(outcomes, groups=len(sizes), largest_group=int(sizes.max(initial=0)))


def _without_copies(
    candidates: list[Candidate], outcomes: list[str | Rejection], *, given: bool
) -> list[int]:
    """The candidates that stay, one for each file content; the others' outcomes are filled in."""
    by_content: dict[str, list[int]] = {}
    for index, candidate in enumerate(candidates):
        by_content.setdefault(candidate.sha256, []).append(index)
    kept = []
    for same in by_content.values():
        same.sort(key=lambda i: _precedence(candidates[i], given=given))
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


def _groups(
    candidates: list[Candidate], outcomes: list[str | Rejection], distance: int
) -> NDArray[np.int64]:
    """[N] as `splits.groups`, to which copies that are set aside still tell who is one person.

    Those whose ages differ tell nothing, -1: a label is wrong, and it may be the person's.
    """
    told = [
        index
        for index, outcome in enumerate(outcomes)
        if not (isinstance(outcome, Rejection) and outcome.reason == "conflicting_ages")
    ]
    group_of = np.full(len(candidates), -1, dtype=np.int64)
    group_of[told] = groups(
        [candidates[i].identity for i in told],
        [candidates[i].perceptual_hash for i in told],
        distance=distance,
    )
    return group_of


def _given(candidates: list[Candidate], group_of: NDArray[np.int64]) -> list[str | Rejection]:
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


def _precedence(candidate: Candidate, *, given: bool) -> tuple[int, str, str]:
    """Of copies the least is kept."""
    return (
        -_held_out(candidate) if given else 0,
        candidate.name,
        candidate.identity or "",
    )


def _held_out(candidate: Candidate) -> int:
    return SPLITS.index(candidate.given_split or SPLITS[0])
