"""Shares, groups and their assignment to splits."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from faceage_core.data.prepare.splits import (
    assign_groups,
    fold_shares,
    group_images,
    parse_split,
    split_hash,
)
from faceage_core.errors import InvalidArgument
from tests.core.data.prepare.factories import sha


@pytest.mark.parametrize("shares", [parse_split("80/20"), parse_split("70/15/15"), fold_shares(5)])
@pytest.mark.parametrize("people", [None, 400])
def test_splits_are_stratified_by_age(shares: dict[str, float], people: int | None) -> None:
    rng = np.random.default_rng(1)
    ages = np.clip(rng.gamma(3, 11, 5000), 0, 100).round()
    identities = [str(i % people) if people else None for i in range(len(ages))]
    hashes = [f"{value:016x}" for value in rng.integers(0, 2**63, len(ages)).tolist()]
    group_of = group_images(identities, hashes, distance=4)
    shas = [sha(i) for i in range(5000)]
    chosen = np.array(assign_groups(shas, ages.tolist(), group_of, shares, seed=0), np.str_)
    whole = np.histogram(ages, bins=range(0, 111, 10))[0] / len(ages)
    for split, share in shares.items():
        part = ages[chosen == split]
        assert len(part) / len(ages) == pytest.approx(share, abs=0.005)
        histogram = np.histogram(part, bins=range(0, 111, 10))[0] / len(part)
        assert np.abs(histogram - whole).max() < (0.01 if people is None else 0.02)


@pytest.mark.parametrize("people", [2, 4, 7])
def test_no_split_is_empty_with_few_people(people: int) -> None:
    shas = [sha(i) for i in range(people * 5)]
    ages = [float(i) for i in range(people * 5)]
    chosen = assign_groups(shas, ages, np.arange(people * 5) % people, parse_split("80/20"), seed=0)
    assert Counter(chosen)["val"] == 5


def test_seeds_are_reproducible() -> None:
    shas = [sha(i) for i in range(200)]
    ages = [float(i % 50) for i in range(200)]
    alone = np.arange(200)
    results = [
        assign_groups(shas, ages, alone, parse_split("80/20"), seed=seed) for seed in (0, 0, 1)
    ]
    assert results[0] == results[1] != results[2]
    assert split_hash(shas, results[0]) == split_hash(shas[::-1], results[0][::-1])
    assert split_hash(shas, results[0]) != split_hash(shas, results[2])


def test_groups_connect_people_and_looks() -> None:
    hashes = ["0000000000000000", "000000000000000f", "00000000000000ff", "ffffffff00000000"]
    labels = group_images([None, None, "ann", "ann"], hashes, distance=4).tolist()
    assert len(set(labels)) == 1
    labels = group_images([None, None, None, None], hashes, distance=3).tolist()
    assert len(set(labels)) == 4
    by_size: dict[int, int] = defaultdict(int)
    for label in group_images(["ann", "ben", "ann", None], hashes, distance=0).tolist():
        by_size[label] += 1
    assert sorted(by_size.values()) == [1, 1, 2]


@pytest.mark.parametrize("text", ["80", "80/10", "100/0", "a/b", "50/20/20/10", "", "80/20/"])
def test_invalid_shares(text: str) -> None:
    with pytest.raises(InvalidArgument, match="sum to 100"):
        parse_split(text)
    with pytest.raises(InvalidArgument, match=">= 2"):
        fold_shares(1)
