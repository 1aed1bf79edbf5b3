import hashlib
import random
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceage_core.data.prepare.decisions import Candidate, decide
from faceage_core.data.prepare.splits import assign, folds, groups, parse_split, split_hash
from faceage_core.data.schema import Rejection
from faceage_core.errors import InvalidArgument

SHARES = st.sampled_from(
    [parse_split("80/20"), parse_split("70/15/15"), folds(2), folds(5), parse_split("1/99")]
)


def sha(text: object) -> str:
    return hashlib.sha256(str(text).encode()).hexdigest()


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    """Pictures of few people and of few looks, so that chains of both form."""
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


def assert_nothing_crosses(photos: list[Candidate], outcomes: list[str | Rejection]) -> None:
    kept = [(p, o) for p, o in zip(photos, outcomes, strict=True) if isinstance(o, str)]
    for i, (a, split_a) in enumerate(kept):
        for b, split_b in kept[i + 1 :]:
            bits = (int(a.perceptual_hash, 16) ^ int(b.perceptual_hash, 16)).bit_count()
            same_person = a.identity is not None and a.identity == b.identity
            if same_person or bits <= 4 or a.sha256 == b.sha256:
                assert split_a == split_b, (a, b)


@given(candidates(), SHARES, st.integers(0, 3))
@settings(max_examples=150)
def test_no_person_and_no_look_crosses_a_split(
    photos: list[Candidate], shares: dict[str, float], seed: int
) -> None:
    outcomes = decide(photos, shares, distance=4, seed=seed).outcomes
    assert_nothing_crosses(photos, outcomes)
    assert {o for o in outcomes if isinstance(o, str)} <= set(shares)


@given(candidates())
@settings(max_examples=150)
def test_given_splits_are_kept_and_freed_of_leaks(photos: list[Candidate]) -> None:
    outcomes = decide(photos, None, distance=4, seed=0).outcomes
    assert_nothing_crosses(photos, outcomes)
    for photo, outcome in zip(photos, outcomes, strict=True):
        if isinstance(outcome, str):
            assert outcome == photo.given_split
        elif outcome.reason == "crosses_splits":
            assert photo.given_split != "test"


@given(candidates(), SHARES, st.randoms(use_true_random=False))
def test_the_order_of_files_and_their_names_change_nothing(
    photos: list[Candidate], shares: dict[str, float], rng: random.Random
) -> None:
    def outcome_by_content(order: list[Candidate]) -> Counter[tuple[str, str]]:
        outcomes = decide(order, shares, distance=4, seed=7).outcomes
        return Counter(
            (photo.sha256, outcome if isinstance(outcome, str) else outcome.reason)
            for photo, outcome in zip(order, outcomes, strict=True)
        )

    # Which of two equal files stays, and with it whose it is, is a matter of names.
    photos = list({photo.sha256: photo for photo in photos}.values())
    shuffled = photos[:]
    rng.shuffle(shuffled)
    renamed = [Candidate(**{**photo.__dict__, "name": f"{rng.random()}.jpg"}) for photo in shuffled]
    assert outcome_by_content(photos) == outcome_by_content(shuffled) == outcome_by_content(renamed)


def photo(name: str, identity: str, *, look: int, age_years: float = 20.0) -> Candidate:
    return Candidate(name, sha(look), f"{look * 0x9E3779B97F4A7C15 % 2**64:016x}", age_years,
                     identity, None)  # fmt: skip


def test_a_file_that_two_names_share_makes_one_person_of_them() -> None:
    pairs = range(20)
    photos = [
        photo(f"{person}-{who}-{look}.jpg", f"{who} {person}", look=3 * person + look)
        for person in pairs
        for who, look in (("john", 0), ("jon", 0), ("john", 1), ("jon", 2))
    ]
    decided = decide(photos, parse_split("80/20"), distance=4, seed=0)
    assert (decided.groups, decided.largest_group) == (20, 3)
    for person in pairs:
        own = decided.outcomes[4 * person : 4 * person + 4]
        assert len({outcome for outcome in own if isinstance(outcome, str)}) == 1


def test_a_file_of_two_ages_makes_no_people_one() -> None:
    photos = [
        photo("a.jpg", "ann", look=1),
        photo("b.jpg", "ben", look=1, age_years=40.0),
        photo("c.jpg", "ann", look=2),
        photo("d.jpg", "ben", look=3),
    ]
    assert decide(photos, folds(2), distance=4, seed=0).groups == 2


@pytest.mark.parametrize("shares", [parse_split("80/20"), parse_split("70/15/15"), folds(5)])
@pytest.mark.parametrize("people", [None, 400])
def test_the_ages_of_each_split_are_those_of_the_whole(
    shares: dict[str, float], people: int | None
) -> None:
    rng = np.random.default_rng(1)
    ages = np.clip(rng.gamma(3, 11, 5000), 0, 100).round()
    identities = [str(i % people) if people else None for i in range(len(ages))]
    hashes = [f"{value:016x}" for value in rng.integers(0, 2**63, len(ages)).tolist()]
    group_of = groups(identities, hashes, distance=4)
    chosen = np.array(assign([sha(i) for i in range(5000)], ages, group_of, shares, seed=0))
    whole = np.histogram(ages, bins=range(0, 111, 10))[0] / len(ages)
    for split, share in shares.items():
        part = ages[chosen == split]
        assert len(part) / len(ages) == pytest.approx(share, abs=0.005)
        histogram = np.histogram(part, bins=range(0, 111, 10))[0] / len(part)
        assert np.abs(histogram - whole).max() < (0.01 if people is None else 0.02)


@pytest.mark.parametrize("people", [2, 4, 7])
def test_few_people_still_fill_every_split(people: int) -> None:
    shas = [sha(i) for i in range(people * 5)]
    ages = [float(i) for i in range(people * 5)]
    chosen = assign(shas, ages, np.arange(people * 5) % people, parse_split("80/20"), seed=0)
    assert Counter(chosen)["val"] == 5


def test_seeds_differ_and_repeat() -> None:
    shas = [sha(i) for i in range(200)]
    ages = [float(i % 50) for i in range(200)]
    alone = np.arange(200)
    results = [assign(shas, ages, alone, parse_split("80/20"), seed=seed) for seed in (0, 0, 1)]
    assert results[0] == results[1] != results[2]
    assert split_hash(shas, results[0]) == split_hash(shas[::-1], results[0][::-1])
    assert split_hash(shas, results[0]) != split_hash(shas, results[2])


def test_equal_files_with_other_ages_are_all_set_aside_and_else_one_stays() -> None:
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
            decide(photos, parse_split("80/20"), distance=4, seed=0).outcomes,
            strict=True,
        )
    )
    reasons = {name: o.reason for name, o in outcomes.items() if isinstance(o, Rejection)}
    assert reasons == {"a": "conflicting_ages", "b": "conflicting_ages", "d": "duplicate"}


def test_groups_chain_people_and_looks() -> None:
    hashes = ["0000000000000000", "000000000000000f", "00000000000000ff", "ffffffff00000000"]
    labels = groups([None, None, "ann", "ann"], hashes, distance=4).tolist()
    assert len(set(labels)) == 1
    labels = groups([None, None, None, None], hashes, distance=3).tolist()
    assert len(set(labels)) == 4
    by_size: dict[int, int] = defaultdict(int)
    for label in groups(["ann", "ben", "ann", None], hashes, distance=0).tolist():
        by_size[label] += 1
    assert sorted(by_size.values()) == [1, 1, 2]


@pytest.mark.parametrize("text", ["80", "80/10", "100/0", "a/b", "50/20/20/10", "", "80/20/"])
def test_splits_that_are_none(text: str) -> None:
    with pytest.raises(InvalidArgument, match="sum to 100"):
        parse_split(text)
    with pytest.raises(InvalidArgument, match=">= 2"):
        folds(1)
