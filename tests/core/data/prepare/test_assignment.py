"""Duplicates, conflicts and leaks among candidates."""

import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from faceage_core.data.prepare.assignment import Candidate, assign_splits
from faceage_core.data.prepare.splits import fold_shares, parse_split
from faceage_core.data.schema import Rejection
from tests.core.data.prepare.factories import sha

SHARES = st.sampled_from(
    [
        parse_split("80/20"),
        parse_split("70/15/15"),
        fold_shares(2),
        fold_shares(5),
        parse_split("1/99"),
    ]
)


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    """Images of few people and few looks, so that groups connect through both."""
    looks = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=6))
    made = []
    for number in range(draw(st.integers(1, 40))):
        look = draw(st.sampled_from(looks))
        for bit in draw(st.lists(st.integers(0, 63), max_size=4)):
            look ^= 1 << bit
        made.append(
            Candidate(
                name=f"{number}.jpg",
                sha256=sha(draw(st.integers(0, 50))),
                perceptual_hash=f"{look:016x}",
                age_years=float(draw(st.integers(0, 3))),
                identity=draw(st.sampled_from([None, "ann", "ben", "cem", "dot", "eva"])),
                given_split=draw(st.sampled_from(["train", "val", "test"])),
            )
        )
    return made


def assert_no_leaks(photos: list[Candidate], outcomes: list[str | Rejection]) -> None:
    kept = [(p, o) for p, o in zip(photos, outcomes, strict=True) if isinstance(o, str)]
    for i, (a, split_a) in enumerate(kept):
        for b, split_b in kept[i + 1 :]:
            bits = (int(a.perceptual_hash, 16) ^ int(b.perceptual_hash, 16)).bit_count()
            same_person = a.identity is not None and a.identity == b.identity
            if same_person or bits <= 4 or a.sha256 == b.sha256:
                assert split_a == split_b, (a, b)


@given(candidates(), SHARES, st.integers(0, 3))
@settings(max_examples=150)
def test_no_person_and_no_look_is_in_two_splits(
    photos: list[Candidate], shares: dict[str, float], seed: int
) -> None:
    outcomes = assign_splits(photos, shares, distance=4, seed=seed).outcomes
    assert_no_leaks(photos, outcomes)
    assert {o for o in outcomes if isinstance(o, str)} <= set(shares)


@given(candidates())
@settings(max_examples=150)
def test_given_splits_are_kept_without_leaks(photos: list[Candidate]) -> None:
    outcomes = assign_splits(photos, None, distance=4, seed=0).outcomes
    assert_no_leaks(photos, outcomes)
    for photo, outcome in zip(photos, outcomes, strict=True):
        if isinstance(outcome, str):
            assert outcome == photo.given_split
        elif outcome.reason == "crosses_splits":
            assert photo.given_split != "test"


@given(candidates(), SHARES, st.randoms(use_true_random=False))
def test_file_order_and_file_names_do_not_matter(
    photos: list[Candidate], shares: dict[str, float], rng: random.Random
) -> None:
    def outcome_by_content(order: list[Candidate]) -> Counter[tuple[str, str]]:
        outcomes = assign_splits(order, shares, distance=4, seed=7).outcomes
        return Counter(
            (photo.sha256, outcome if isinstance(outcome, str) else outcome.reason)
            for photo, outcome in zip(order, outcomes, strict=True)
        )

    # Which of two identical files is kept depends on their names, so identical files are left out.
    photos = list({photo.sha256: photo for photo in photos}.values())
    shuffled = photos[:]
    rng.shuffle(shuffled)
    renamed = [Candidate(**{**photo.__dict__, "name": f"{rng.random()}.jpg"}) for photo in shuffled]
    assert outcome_by_content(photos) == outcome_by_content(shuffled) == outcome_by_content(renamed)


def photo(name: str, identity: str, *, look: int, age_years: float = 20.0) -> Candidate:
    return Candidate(name, sha(look), f"{look * 0x9E3779B97F4A7C15 % 2**64:016x}", age_years,
                     identity, None)  # fmt: skip


def test_identities_that_share_a_file_count_as_one_person() -> None:
    pairs = range(20)
    photos = [
        photo(f"{person}-{who}-{look}.jpg", f"{who} {person}", look=3 * person + look)
        for person in pairs
        for who, look in (("john", 0), ("jon", 0), ("john", 1), ("jon", 2))
    ]
    decided = assign_splits(photos, parse_split("80/20"), distance=4, seed=0)
    assert (decided.groups, decided.largest_group) == (20, 3)
    for person in pairs:
        own = decided.outcomes[4 * person : 4 * person + 4]
        assert len({outcome for outcome in own if isinstance(outcome, str)}) == 1


def test_a_file_with_conflicting_ages_does_not_join_identities() -> None:
    photos = [
        photo("a.jpg", "ann", look=1),
        photo("b.jpg", "ben", look=1, age_years=40.0),
        photo("c.jpg", "ann", look=2),
        photo("d.jpg", "ben", look=3),
    ]
    assert assign_splits(photos, fold_shares(2), distance=4, seed=0).groups == 2


def test_duplicates_and_conflicts_are_rejected() -> None:
    def photo(name: str, content: str, age: float) -> Candidate:
        return Candidate(name, sha(content), f"{int(sha(content)[:16], 16):016x}", age, None, None)

    photos = [
        photo("d", "same", 30),
        photo("a", "conflict", 30),
        photo("c", "same", 30),
        photo("b", "conflict", 31),
        *(photo(f"x{i}", f"other{i}", 30) for i in range(8)),
    ]
    outcomes = dict(
        zip(
            (p.name for p in photos),
            assign_splits(photos, parse_split("80/20"), distance=4, seed=0).outcomes,
            strict=True,
        )
    )
    reasons = {name: o.reason for name, o in outcomes.items() if isinstance(o, Rejection)}
    assert reasons == {"a": "conflicting_ages", "b": "conflicting_ages", "d": "duplicate"}
