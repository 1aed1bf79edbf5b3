"""Requests of images that are answered together run as batches; errors are values."""

import asyncio
from typing import Any

import pytest

from faceage_core.errors import FaceageError, NoFace
from faceage_core.pipeline.batches import BatchedStages, answers_or_errors
from faceage_core.pipeline.local import LocalStages
from faceage_core.pipeline.stages import RunBatch, Scaling, Stage


def stage(name: str, max_batch_size: int) -> Stage[int, int]:
    def load(*_: object) -> RunBatch[int, int]:
        raise AssertionError("the stages are loaded already")

    return Stage(name, load, Scaling(max_batch_size, 1))


DOUBLE, ADD_ONE = stage("Double", 3), stage("AddOne", 16)


class Recorder:
    """Two stages that record their batches; Double fails on a batch with a 0."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[int]]] = []
        self.local = LocalStages({"Double": self._double, "AddOne": self._add_one})

    def _double(self, requests: list[int]) -> list[int]:
        self.batches.append(("Double", requests))
        if 0 in requests:
            raise ZeroDivisionError
        return [2 * request for request in requests]

    def _add_one(self, requests: list[int]) -> list[int]:
        self.batches.append(("AddOne", requests))
        return [request + 1 for request in requests]


def answer(recorder: Recorder, numbers: list[int]) -> list[Any]:
    """Double each number, and then add one: a graph of two stages, one number per image."""

    async def together() -> list[Any]:
        stages = BatchedStages(recorder.local)

        async def one(number: int) -> int:
            return await stages.run(ADD_ONE, await stages.run(DOUBLE, number))

        assert await stages.ready()
        return await asyncio.gather(*map(one, numbers), return_exceptions=True)

    return asyncio.run(together())


def test_requests_of_one_turn_run_together_up_to_the_batch_size() -> None:
    recorder = Recorder()
    assert answer(recorder, [1, 2, 3, 4, 5, 6, 7]) == [3, 5, 7, 9, 11, 13, 15]
    doubled = [numbers for name, numbers in recorder.batches if name == "Double"]
    assert doubled == [[1, 2, 3], [4, 5, 6], [7]]
    added = [numbers for name, numbers in recorder.batches if name == "AddOne"]
    assert sorted(sum(added, [])) == [2, 4, 6, 8, 10, 12, 14]
    assert len(added) <= len(doubled)  # what a batch leaves behind goes on together


def test_a_failure_of_a_stage_reaches_every_request_of_its_batch_only() -> None:
    answers = answer(Recorder(), [1, 2, 3, 4, 0, 6, 7])
    assert answers[:3] + answers[6:] == [3, 5, 7, 15]
    assert [type(one) for one in answers[3:6]] == [ZeroDivisionError] * 3


def test_the_error_of_one_answer_is_a_value() -> None:
    async def one(number: int) -> int:
        if number == 1:
            raise NoFace("image_2: no face", field="image_2")
        return number

    first, error, last = asyncio.run(answers_or_errors(one(number) for number in range(3)))
    assert (first, last) == (0, 2)
    assert isinstance(error, NoFace)
    assert (error.message, error.field) == ("image_2: no face", "image_2")


def test_an_error_keeps_nothing_of_the_photo() -> None:
    async def fail() -> int:
        photo = b"private"
        try:
            raise ValueError(photo)
        except ValueError as cause:
            raise NoFace("no face") from cause

    (error,) = asyncio.run(answers_or_errors([fail()]))
    assert isinstance(error, FaceageError)
    assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)


def test_a_failure_that_is_not_ours_is_raised() -> None:
    async def fail() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(answers_or_errors([fail()]))
