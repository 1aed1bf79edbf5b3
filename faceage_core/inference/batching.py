"""Splitting rows into batches of few sizes.

An engine prepares kernels for each size of batch that it has not met, which takes longer than most
batches. The number of faces or candidates of a photo is arbitrary, so the rows are split into
batches of few sizes: after some photos every size has been met.
"""

from collections.abc import Iterator

_SMALL = 8  # so many rows or fewer are one batch, since a call has costs of its own


def batches(count: int, *, max_batch: int) -> Iterator[slice]:
    """Split `count` rows into slices, the longest first.

    The lengths are powers of two from `max_batch` down to 8; the rest is one slice.

    Args:
        count: the number of rows.
        max_batch: the greatest length; a power of two.
    """
    start, size = 0, max_batch
    while start < count:
        left = count - start
        while size > left and size > _SMALL:
            size //= 2
        length = min(size, left)
        yield slice(start, start + length)
        start += length
