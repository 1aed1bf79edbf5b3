"""Which pictures each worker sees at each step: the same for any number of workers.

A step's batch is drawn for all workers together, from the seed and the epoch alone, and then dealt
out. So the pictures of a step do not depend on how many workers share it, and a resumed training
draws what an undisturbed one would have drawn.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Sampler


@dataclass(frozen=True)
class Share:
    """One worker among several.

    Attributes:
        rank: from 0.
        workers: how many there are.
    """

    rank: int = 0
    workers: int = 1


class TrainingBatches(Sampler[list[int]]):
    """This worker's parts of an epoch's batches; the pictures left over wait for another epoch."""

    def __init__(
        self,
        pictures: int,
        batch_size: int,
        *,
        share: Share = Share(),
        seed: int = 0,
        weights: NDArray[np.float32] | None = None,
    ) -> None:
        """Over `pictures` pictures.

        Args:
            pictures: how many there are.
            batch_size: of all workers together; with fewer pictures, all of them.
            share: which part is this worker's.
            seed: of the order.
            weights: [pictures]; then pictures are drawn with replacement, as often as these say.
        """
        self._pictures = pictures
        self._batch_size = min(batch_size, pictures)
        self._share = share
        self._seed = seed
        self._weights = None if weights is None else torch.from_numpy(weights).double()
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw anew; to be called before each pass."""
        self._epoch = epoch

    @property
    def batch_size(self) -> int:
        """Pictures a step, over all workers."""
        return self._batch_size

    def __len__(self) -> int:
        return self._pictures // self._batch_size

    def __iter__(self) -> Iterator[list[int]]:
        seed = int(np.random.SeedSequence((self._seed, self._epoch)).generate_state(1)[0])
        generator = torch.Generator().manual_seed(seed)
        if self._weights is None:
            order = torch.randperm(self._pictures, generator=generator)
        else:
            order = torch.multinomial(
                self._weights, self._pictures, replacement=True, generator=generator
            )
        for step in range(len(self)):
            batch = order[step * self._batch_size : (step + 1) * self._batch_size]
            yield batch[self._share.rank :: self._share.workers].tolist()


class ValidationBatches(Sampler[list[int]]):
    """This worker's pictures of a validation set, each of which exactly one worker has."""

    def __init__(self, pictures: int, batch_size: int, *, share: Share = Share()) -> None:
        self._own = list(range(share.rank, pictures, share.workers))
        self._batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self._own) / self._batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        for at in range(0, len(self._own), self._batch_size):
            yield self._own[at : at + self._batch_size]
