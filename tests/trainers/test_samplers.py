"""Which worker gets which image at each step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.samplers import TrainingBatches, ValidationBatches, WorkerRank


def batches_by_rank(images: int, batch: int, workers: int, epoch: int = 0) -> list[list[list[int]]]:
    batches = []
    for rank in range(workers):
        sampler = TrainingBatches(images, batch, worker=WorkerRank(rank, workers), seed=3)
        sampler.set_epoch(epoch)
        batches.append(list(sampler))
    return batches


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 4))
def test_the_images_of_a_step_do_not_depend_on_the_workers(
    images: int, batch: int, workers: int
) -> None:
    (alone,) = batches_by_rank(images, batch, 1)
    together = batches_by_rank(images, batch, workers)
    for step, whole in enumerate(alone):
        assert sorted(index for part in together for index in part[step]) == sorted(whole)
    seen = [index for whole in alone for index in whole]
    assert len(seen) == len(set(seen)) == images // min(batch, images) * min(batch, images)


def test_each_epoch_has_its_own_reproducible_order() -> None:
    assert batches_by_rank(50, 8, 2, epoch=1) == batches_by_rank(50, 8, 2, epoch=1)
    assert batches_by_rank(50, 8, 2, epoch=1) != batches_by_rank(50, 8, 2, epoch=2)


def test_images_with_larger_weights_are_drawn_more_often() -> None:
    weights = np.array([1.0] * 50 + [3.0] * 50, np.float32)
    sampler = TrainingBatches(100, 10, weights=weights)
    drawn = []
    for epoch in range(40):
        sampler.set_epoch(epoch)
        drawn += [index for batch in sampler for index in batch]
    assert np.mean(np.array(drawn) >= 50) == pytest.approx(0.75, abs=0.03)


@given(st.integers(0, 50), st.integers(1, 9), st.integers(1, 5))
def test_every_image_is_validated_once(images: int, batch: int, workers: int) -> None:
    samplers = [
        ValidationBatches(images, batch, worker=WorkerRank(r, workers)) for r in range(workers)
    ]
    seen = [index for sampler in samplers for part in sampler for index in part]
    assert sorted(seen) == list(range(images))
    assert all(len(sampler) == len(list(sampler)) for sampler in samplers)
