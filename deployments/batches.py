"""One run for the crops of several requests, and each request its own results back."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Rows = TypeVar("Rows", bound=Sequence[Any] | NDArray[Any])


def joined(parts: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """All requests' crops after one another: [N1 + N2 + ..., size, size, 3]."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def parted(rows: Rows, counts: Sequence[int]) -> list[Rows]:
    """The inverse for the results: `counts` rows to each request, in order."""
    ends = list(accumulate(counts))
    return [rows[end - count : end] for end, count in zip(ends, counts, strict=True)]  # type: ignore[misc]
