"""Who sees which picture when, and the learning rate of each step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.optimization import learning_rate
from trainers.recipe import OptimizerRecipe
from trainers.samplers import Share, TrainingBatches, ValidationBatches


def shares(pictures: int, batch: int, workers: int, epoch: int = 0) -> list[list[list[int]]]:
    made = []
    for rank in range(workers):
        sampler = TrainingBatches(pictures, batch, share=Share(rank, workers), seed=3)
        sampler.set_epoch(epoch)
        made.append(list(sampler))
    return made


@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 4))
def test_the_pictures_of_a_step_do_not_depend_on_the_workers(
    pictures: int, batch: int, workers: int
) -> None:
    (alone,) = shares(pictures, batch, 1)
    together = shares(pictures, batch, workers)
    for step, whole in enumerate(alone):
        assert sorted(index for part in together for index in part[step]) == sorted(whole)
    seen = [index for whole in alone for index in whole]
    assert len(seen) == len(set(seen)) == pictures // min(batch, pictures) * min(batch, pictures)


def test_each_epoch_has_its_own_order_and_always_the_same() -> None:
    assert shares(50, 8, 2, epoch=1) == shares(50, 8, 2, epoch=1)
    assert shares(50, 8, 2, epoch=1) != shares(50, 8, 2, epoch=2)


def test_rare_pictures_are_drawn_more_often() -> None:
    weights = np.array([1.0] * 50 + [3.0] * 50, np.float32)
    sampler = TrainingBatches(100, 10, weights=weights)
    drawn = []
    for epoch in range(40):
        sampler.set_epoch(epoch)
        drawn += [index for batch in sampler for index in batch]
    assert np.mean(np.array(drawn) >= 50) == pytest.approx(0.75, abs=0.03)


@given(st.integers(0, 50), st.integers(1, 9), st.integers(1, 5))
def test_every_picture_is_validated_once(pictures: int, batch: int, workers: int) -> None:
    samplers = [ValidationBatches(pictures, batch, share=Share(r, workers)) for r in range(workers)]
    seen = [index for sampler in samplers for some in sampler for index in some]
    assert sorted(seen) == list(range(pictures))
    assert all(len(sampler) == len(list(sampler)) for sampler in samplers)


def rates(**changes: object) -> list[float]:
    recipe = OptimizerRecipe.model_validate({"lr": 0.5, **changes})
    return [learning_rate(recipe, step, 100, 10) for step in range(100)]


def test_schedules() -> None:
    assert set(rates()) == {0.5}
    cosine = rates(schedule="cosine", warmup_epochs=1)
    assert cosine[:10] == pytest.approx([0.05 * (step + 1) for step in range(10)])
    assert cosine[10] == pytest.approx(0.5)
    assert cosine[-1] == pytest.approx(0.0, abs=1e-12)
    assert cosine[10:] == sorted(cosine[10:], reverse=True)
    onecycle = rates(schedule="onecycle")
    assert onecycle[0] == pytest.approx(0.5 / 25)
    assert max(onecycle) == pytest.approx(0.5, rel=1e-2)
    assert int(np.argmax(onecycle)) == pytest.approx(30, abs=1)
    assert onecycle[-1] == pytest.approx(0.5 / 25e4)


def test_one_cycle_is_torch_s() -> None:
    import torch

    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    reference = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.5, total_steps=1000, cycle_momentum=False
    )
    recipe = OptimizerRecipe(lr=0.5, schedule="onecycle")
    theirs, ours = [], []
    for step in range(1000):
        theirs.append(reference.get_last_lr()[0])
        ours.append(learning_rate(recipe, step, 1000, 10))
        optimizer.step()
        if step < 999:
            reference.step()
    assert ours == pytest.approx(theirs, abs=2e-3)
