"""What a training says while it goes on."""

import time

import pytest

from trainers.progress import Pace


class Lines(list[str]):
    """Stands for a queue."""

    put = list.append


def test_a_long_epoch_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    said, now_s = Lines(), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    pace = Pace(said)  # type: ignore[arg-type]
    for epoch in (1, 2):
        for step in range(1, 11):
            pace(epoch, step, 10)
            now_s += 12.0
    assert said == [
        "epoch 1: step 4 of 10, 72 s left",
        "epoch 1: step 7 of 10, 36 s left",
        "epoch 1: step 10 of 10, 0 s left",
        "epoch 2: step 4 of 10, 72 s left",
        "epoch 2: step 7 of 10, 36 s left",
        "epoch 2: step 10 of 10, 0 s left",
    ]


def test_a_short_epoch_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    said, now_s = Lines(), 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    pace = Pace(said)  # type: ignore[arg-type]
    for step in range(1, 30):
        pace(1, step, 29)
        now_s += 1.0
    assert said == []
