"""Samplers that divide the images of each step among any number of workers.

A step's batch is drawn for all workers together, from the seed and the epoch alone, and then split.
So the images of a step do not depend on the number of workers, and a resumed training draws the
same batches as an uninterrupted one.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Sampler

from faceage_core.data.training.augmentation import derive_seed


@dataclass(frozen=True)
class WorkerRank:
    """One worker among several.

    Attributes:
        rank: from 0.
        workers: the number of workers.
    """

    rank: int = 0
    workers: int = 1


class TrainingBatches(Sampler[list[int]]):
    """One worker's part of each batch of an epoch; an incomplete last batch is dropped."""

    def __init__(
        self,
        images: int,
        batch_size: int,
        *,
        worker: WorkerRank = WorkerRank(),
        seed: int = 0,
        weights: NDArray[np.float32] | None = None,
    ) -> None:
        """Sample from `images` images.

        Args:
            images: the size of the data set.
            batch_size: over all workers; at most `images`.
            worker: whose part is yielded.
            seed: of the order.
            weights: [images] relative frequencies; images are then drawn with replacement.
        """
        self._images = images
        self._batch_size = min(batch_size, images)
        self._worker = worker
        self._seed = seed
        self._weights = None if weights is None else torch.from_numpy(weights).double()
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order is drawn; call it before each pass."""
        self._epoch = epoch

    @property
    def batch_size(self) -> int:
        """Images per step, over all workers."""
        return self._batch_size

    def __len__(self) -> int:
        return self._images // self._batch_size

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(derive_seed(self._seed, self._epoch))
        if self._weights is None:
            order = torch.randperm(self._images, generator=generator)
        else:
            order = torch.multinomial(
                self._weights, self._images, replacement=True, generator=generator
            )
        for step in range(len(self)):
            batch = order[step * self._batch_size : (step + 1) * self._batch_size]
            yield batch[self._worker.rank :: self._worker.workers].tolist()


class ValidationBatches(Sampler[list[int]]):
    """One worker's images of a validation set; every image belongs to exactly one worker."""

    def __init__(self, images: int, batch_size: int, *, worker: WorkerRank = WorkerRank()) -> None:
        self._indices = list(range(worker.rank, images, worker.workers))
        self._batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self._indices) / self._batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        for start in range(0, len(self._indices), self._batch_size):
            yield self._indices[start : start + self._batch_size]
