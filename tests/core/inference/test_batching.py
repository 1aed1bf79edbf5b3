"""Batches of few sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceage_core.inference.batching import batches


@pytest.mark.parametrize(
    ("count", "lengths"),
    [(0, []), (1, [1]), (7, [7]), (8, [8]), (13, [8, 5]), (47, [32, 8, 7]), (130, [64, 64, 2])],
)
def test_lengths(count: int, lengths: list[int]) -> None:
    assert [part.stop - part.start for part in batches(count, max_batch=64)] == lengths


@given(st.integers(min_value=0, max_value=1000), st.sampled_from([1, 2, 8, 16, 64]))
def test_every_row_is_in_one_batch(count: int, max_batch: int) -> None:
    parts = list(batches(count, max_batch=max_batch))
    assert [row for part in parts for row in range(count)[part]] == list(range(count))
    assert all(part.stop - part.start <= max_batch for part in parts)


def test_few_sizes_occur() -> None:
    sizes = {
        part.stop - part.start for count in range(500) for part in batches(count, max_batch=64)
    }
    assert len(sizes) <= 11
