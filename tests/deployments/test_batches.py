import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from deployments.batches import joined, parted


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_each_request_gets_its_own_rows_back(counts: list[int]) -> None:
    parts = [np.full((count, 2, 2, 3), place, dtype=np.uint8) for place, count in enumerate(counts)]

    back = parted(joined(parts), counts)

    assert [len(rows) for rows in back] == counts
    assert all((rows == place).all() for place, rows in enumerate(back))
