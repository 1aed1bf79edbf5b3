"""The number of calls to a stage whose replicas answer, fail, are lost or are slow."""

import asyncio
from collections.abc import Generator
from typing import Any

import pytest
from ray.exceptions import RayActorError
from ray.serve.exceptions import BackPressureError

from deployments.hedging import HedgedCaller
from tests.deployments.virtual_time import run

HEDGE_AFTER_S = 0.05
NEVER_S = 3600.0


class Call:
    """The response of a handle: it can be awaited once, and cancelled."""

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
    """A handle's method that returns the given calls one after the other."""

    def __init__(self, *calls: Call) -> None:
        self._left = list(calls)
        self.sent: list[Call] = []

    def remote(self, argument: object) -> Call:
        assert argument == "photo"
        self.sent.append(self._left.pop(0))
        return self.sent[-1]


def answer_of(stage: Stage) -> object:
    """The answer of a hedged call; fails if a sent call is cancelled."""

    async def call() -> object:
        try:
            return await HedgedCaller(hedge_after_s=HEDGE_AFTER_S).call(stage, "photo")
        finally:
            assert not any(call.cancelled for call in stage.sent)

    return run(call())


def test_a_fast_replica_is_called_once() -> None:
    stage = Stage(Call(0, "answer"))
    assert answer_of(stage) == "answer"
    assert len(stage.sent) == 1


def test_a_lost_replica_is_replaced_once() -> None:
    assert answer_of(Stage(Call(0, RayActorError()), Call(0, "answer"))) == "answer"
    with pytest.raises(RayActorError):
        answer_of(Stage(Call(0, RayActorError()), Call(0, RayActorError())))


def test_a_slow_replica_causes_a_second_call() -> None:
    stage = Stage(Call(NEVER_S, "late"), Call(0, "answer"))
    assert answer_of(stage) == "answer"
    assert len(stage.sent) == 2


def test_two_slow_replicas_cause_a_third_call_but_no_fourth() -> None:
    stage = Stage(Call(NEVER_S, 1), Call(NEVER_S, 2), Call(3 * HEDGE_AFTER_S, "answer"))
    assert answer_of(stage) == "answer"
    assert len(stage.sent) == 3


def test_a_lost_and_a_slow_replica_cause_a_third_call() -> None:
    assert (
        answer_of(Stage(Call(0, RayActorError()), Call(NEVER_S, 2), Call(0, "answer"))) == "answer"
    )


def test_a_slow_first_call_can_still_answer_first() -> None:
    stage = Stage(
        Call(2.5 * HEDGE_AFTER_S, "slow"), Call(NEVER_S, "slower"), Call(NEVER_S, "slowest")
    )
    assert answer_of(stage) == "slow"


@pytest.mark.parametrize("failure", [BackPressureError(1, 1), RayActorError()])
def test_a_failed_second_call_does_not_end_the_first(failure: Exception) -> None:
    assert (
        answer_of(Stage(Call(3.5 * HEDGE_AFTER_S, "slow"), Call(0, failure), Call(NEVER_S, 3)))
        == "slow"
    )


def test_a_lost_first_call_does_not_end_the_second() -> None:
    lost, slow = Call(2 * HEDGE_AFTER_S, RayActorError()), Call(4 * HEDGE_AFTER_S, "answer")
    assert answer_of(Stage(lost, slow, Call(NEVER_S, 3))) == "answer"


@pytest.mark.parametrize("error", [ValueError("a bug"), BackPressureError(1, 1)])
def test_an_error_is_returned_without_a_second_call(error: Exception) -> None:
    stage = Stage(Call(0, error))
    with pytest.raises(type(error)):
        answer_of(stage)
    assert len(stage.sent) == 1


@pytest.mark.parametrize("second_s", [NEVER_S, 0.0])
def test_the_number_of_concurrent_hedges_is_limited(second_s: float) -> None:
    first_s = 5.5 * HEDGE_AFTER_S if second_s else NEVER_S
    stages = [Stage(Call(first_s, n), Call(second_s, n)) for n in range(5)]

    async def call_all() -> list[object]:
        caller = HedgedCaller(hedge_after_s=HEDGE_AFTER_S, max_calls=2, max_hedges=2)
        return list(await asyncio.gather(*(caller.call(stage, "photo") for stage in stages)))

    assert run(call_all()) == list(range(5))
    hedged = sum(len(stage.sent) == 2 for stage in stages)
    assert hedged == (2 if second_s else 5)  # a second answer makes room for another hedge


def test_a_cancelled_caller_cancels_all_calls() -> None:
    stage = Stage(Call(NEVER_S, 1), Call(NEVER_S, 2), Call(NEVER_S, 3))

    async def call_with_timeout() -> None:
        async with asyncio.timeout(20 * HEDGE_AFTER_S):
            await HedgedCaller(hedge_after_s=HEDGE_AFTER_S).call(stage, "photo")

    async def main() -> list[bool]:
        with pytest.raises(TimeoutError):
            await call_with_timeout()
        await asyncio.sleep(0)
        return [call.cancelled for call in stage.sent]

    assert run(main()) == [True, True, True]
