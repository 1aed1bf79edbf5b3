"""Who is asked how often: a stage whose replicas answer, fail, are lost or stay silent."""

import asyncio
from collections.abc import Generator
from typing import Any

import pytest
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError

from deployments.hedging import HedgedCaller
from tests.deployments.virtual_time import run

HEDGE_AFTER_S = 0.05
SILENT = 3600.0


class Call:
    """What a handle gives: it can be awaited, once, and cancelled."""

    def __init__(self, after_s: float, outcome: object) -> None:
        self._after_s, self._outcome = after_s, outcome
        self.cancelled = False

    def __await__(self) -> Generator[Any, None, object]:
        yield from asyncio.sleep(self._after_s).__await__()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def cancel(self) -> None:
        self.cancelled = True


class Stage:
    """Gives its calls in turn."""

    def __init__(self, *calls: Call) -> None:
        self._left = list(calls)
        self.asked: list[Call] = []

    def remote(self, argument: object) -> Call:
        assert argument == "photo"
        self.asked.append(self._left.pop(0))
        return self.asked[-1]


def ask(stage: Stage) -> object:
    """What comes of it; nothing that was sent may be cancelled."""

    async def asked() -> object:
        try:
            return await HedgedCaller(hedge_after_s=HEDGE_AFTER_S).call(stage, "photo")
        finally:
            assert not any(call.cancelled for call in stage.asked)

    return run(asked())


def test_a_fast_replica_is_called_once() -> None:
    stage = Stage(Call(0, "answer"))
    assert ask(stage) == "answer"
    assert len(stage.asked) == 1


def test_a_lost_replica_is_replaced_once() -> None:
    assert ask(Stage(Call(0, RayActorError()), Call(0, "answer"))) == "answer"
    with pytest.raises(RayActorError):
        ask(Stage(Call(0, RayActorError()), Call(0, RayActorError())))


def test_a_slow_replica_causes_a_second_call() -> None:
    stage = Stage(Call(SILENT, "late"), Call(0, "answer"))
    assert ask(stage) == "answer"
    assert len(stage.asked) == 2


def test_two_slow_replicas_cause_a_third_call_but_no_fourth() -> None:
    stage = Stage(Call(SILENT, 1), Call(SILENT, 2), Call(3 * HEDGE_AFTER_S, "answer"))
    assert ask(stage) == "answer"
    assert len(stage.asked) == 3


def test_a_lost_and_a_slow_replica_cause_a_third_call() -> None:
    assert ask(Stage(Call(0, RayActorError()), Call(SILENT, 2), Call(0, "answer"))) == "answer"


def test_a_slow_first_call_can_still_answer_first() -> None:
    stage = Stage(
        Call(2.5 * HEDGE_AFTER_S, "slow"), Call(SILENT, "slower"), Call(SILENT, "slowest")
    )
    assert ask(stage) == "slow"


@pytest.mark.parametrize("refused", [BackPressureError(1, 1), RayActorError()])
def test_a_failed_second_call_does_not_end_the_first(refused: Exception) -> None:
    assert (
        ask(Stage(Call(3.5 * HEDGE_AFTER_S, "slow"), Call(0, refused), Call(SILENT, 3))) == "slow"
    )


def test_a_lost_first_call_does_not_end_the_second() -> None:
    lost, slow = Call(2 * HEDGE_AFTER_S, RayActorError()), Call(4 * HEDGE_AFTER_S, "answer")
    assert ask(Stage(lost, slow, Call(SILENT, 3))) == "answer"


@pytest.mark.parametrize("error", [ValueError("a fault"), BackPressureError(1, 1)])
def test_an_error_is_returned_without_a_second_call(error: Exception) -> None:
    stage = Stage(Call(0, error))
    with pytest.raises(type(error)):
        ask(stage)
    assert len(stage.asked) == 1


@pytest.mark.parametrize("second_s", [SILENT, 0.0])
def test_the_number_of_concurrent_hedges_is_limited(second_s: float) -> None:
    first_s = 5.5 * HEDGE_AFTER_S if second_s else SILENT
    stages = [Stage(Call(first_s, n), Call(second_s, n)) for n in range(5)]

    async def all_asked() -> list[object]:
        caller = HedgedCaller(hedge_after_s=HEDGE_AFTER_S, max_calls=2, max_hedges=2)
        return list(await asyncio.gather(*(caller.call(stage, "photo") for stage in stages)))

    assert run(all_asked()) == list(range(5))
    twice = sum(len(stage.asked) == 2 for stage in stages)
    assert twice == (2 if second_s else 5)  # those whose second answers make room for others


def test_a_cancelled_caller_cancels_all_calls() -> None:
    stage = Stage(Call(SILENT, 1), Call(SILENT, 2), Call(SILENT, 3))

    async def given_up() -> None:
        async with asyncio.timeout(20 * HEDGE_AFTER_S):
            await HedgedCaller(hedge_after_s=HEDGE_AFTER_S).call(stage, "photo")

    async def main() -> list[bool]:
        with pytest.raises(TimeoutError):
            await given_up()
        await asyncio.sleep(0)
        return [call.cancelled for call in stage.asked]

    assert run(main()) == [True, True, True]
