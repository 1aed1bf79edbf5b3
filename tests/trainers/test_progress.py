"""Log lines of a running training."""

import time

import pytest

from trainers.progress import StepProgress


class FakeQueue(list[str]):
    """A list with the method of a queue."""

    put = list.append


def test_a_long_epoch_logs_its_step_and_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, now_s = FakeQueue(), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    progress = StepProgress(lines)  # type: ignore[arg-type]
    for epoch in (1, 2):
        for step in range(1, 11):
            progress(epoch, step, 10)
            now_s += 12.0
    assert lines == [
        "epoch 1: step 4 of 10, 72 s left",
        "epoch 1: step 7 of 10, 36 s left",
        "epoch 1: step 10 of 10, 0 s left",
        "epoch 2: step 4 of 10, 72 s left",
        "epoch 2: step 7 of 10, 36 s left",
        "epoch 2: step 10 of 10, 0 s left",
    ]


def test_a_short_epoch_logs_no_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    lines, now_s = FakeQueue(), 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    progress = StepProgress(lines)  # type: ignore[arg-type]
    for step in range(1, 30):
        progress(1, step, 29)
        now_s += 1.0
    assert lines == []
