"""Area resizing: each new pixel is the mean of the old pixels that it covers, fully or partly.

The result is that of PyTorch's `interpolate(mode="area")`. A summed-area table is computed once for
each photo (Crow, "Summed-area tables for texture mapping", 1984). Each pixel of a patch then takes
four look-ups, whatever the size of the patch. All patches of a photo are resized together.
"""

import numpy as np
from numpy.typing import NDArray


class AreaResizer:
    """The summed-area table of one photo, for cutting and resizing many patches."""

    def __init__(self, image: NDArray[np.uint8]) -> None:
        """Compute the table.

        Args:
            image: [H, W, 3] uint8 RGB.
        """
        self.height, self.width = image.shape[:2]
        # The sums may overflow; their differences are still correct modulo 2^32.
        self._sums = np.zeros((3, self.height + 1, self.width + 1), dtype=np.uint32)
        rows = self._sums[:, 1:, 1:]
        np.cumsum(image.transpose(2, 0, 1), axis=2, dtype=np.uint32, out=rows)
        for y in range(1, self.height):  # three times as fast as cumsum along this axis
            rows[:, y] += rows[:, y - 1]

    def whole(self, height: int, width: int) -> NDArray[np.float32]:
        """The whole photo at another size: [1, 3, height, width] float32, 0-255."""
        (top,), (bottom,) = _bins(np.array([0]), np.array([self.height]), height)
        (left,), (right,) = _bins(np.array([0]), np.array([self.width]), width)
        rows = self._sums.take(bottom, axis=1) - self._sums.take(top, axis=1)
        sums = rows.take(right, axis=2) - rows.take(left, axis=2)
        return _mean(sums, (bottom - top)[:, None], right - left)[None]

    def patches(self, boxes: NDArray[np.int64], size: int) -> NDArray[np.float32]:
        """Parts of the photo, each resized to a square.

        Args:
            boxes: [N, 4] left, top, right, bottom in pixels, inside the photo, not empty.
            size: width and height of every patch.

        Returns:
            [N, 3, size, size] float32, 0-255.
        """
        left, right = _bins(boxes[:, 0], boxes[:, 2], size)
        top, bottom = _bins(boxes[:, 1], boxes[:, 3], size)
        sums = self._at(bottom, right) - self._at(top, right)
        sums -= self._at(bottom, left)
        sums += self._at(top, left)
        means = _mean(sums, (bottom - top)[:, :, None], (right - left)[:, None, :])
        return np.ascontiguousarray(means.transpose(1, 0, 2, 3))

    def _at(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.uint32]:
        """The table at every combination: rows [N, S] and columns [N, S] to [3, N, S, S]."""
        indices = rows[:, :, None] * (self.width + 1) + columns[:, None, :]
        values: NDArray[np.uint32] = self._sums.reshape(3, -1).take(indices, axis=1)
        return values


def _bins(
    start: NDArray[np.int64], end: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and the end old pixel of each new pixel: two [N, count] for spans [N]."""
    length = (end - start)[:, None]
    steps = np.arange(count + 1) * length
    return start[:, None] + steps[:, :-1] // count, start[:, None] - (-steps[:, 1:] // count)


def _mean(
    sums: NDArray[np.uint32], height: NDArray[np.int64], width: NDArray[np.int64]
) -> NDArray[np.float32]:
    means = sums.astype(np.float32)
    means /= height.astype(np.float32)  # two divisions, which round as in PyTorch
    means /= width.astype(np.float32)
    return means
