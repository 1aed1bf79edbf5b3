"""The learning rate of each step."""

import numpy as np
import pytest
import torch

from trainers.optimizer import learning_rate
from trainers.recipe import OptimizerRecipe


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


def test_onecycle_equals_torch() -> None:
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
