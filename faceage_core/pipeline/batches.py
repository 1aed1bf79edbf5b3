"""Many images through the graph together: stages that run batches, and errors as values."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from faceage_core.errors import FaceageError
from faceage_core.pipeline.local import LocalStages
from faceage_core.pipeline.stages import Stage
from faceage_core.pipeline.stages.stage import Request, Result

Answer = TypeVar("Answer")


class BatchedStages:
    """Local stages that join the requests of images which are answered together.

    The requests that arrive at a stage in one turn of the event loop run as one batch, at most
    `max_batch_size` at a time. For one event loop.
    """

    def __init__(self, stages: LocalStages) -> None:
        self._stages = stages
        self._waiting: dict[str, list[tuple[Any, asyncio.Future[Any]]]] = {}

    async def run(self, stage: Stage[Request, Result], request: Request) -> Result:
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(stage.name, [])
        waiting.append((request, result))
        if len(waiting) == 1:  # The first request runs the batch, once the others have joined it.
            await asyncio.sleep(0)
            await self._run_together(stage, self._waiting.pop(stage.name))
        return await result

    async def ready(self) -> bool:
        return await self._stages.ready()

    async def _run_together(
        self,
        stage: Stage[Request, Result],
        waiting: list[tuple[Request, asyncio.Future[Result]]],
    ) -> None:
        size = stage.scaling.max_batch_size
        done: list[tuple[asyncio.Future[Result], Result]] = []
        for start in range(0, len(waiting), size):
            requests, futures = zip(*waiting[start : start + size], strict=True)
            try:
                results = await self._stages.run_batch(stage, list(requests))
            except Exception as error:
                for future in futures:
                    future.set_exception(error)
            else:
                done += zip(futures, results, strict=True)
        # Together, so that the requests arrive at the next stage together as well.
        for future, result in done:
            future.set_result(result)


async def answers_or_errors(
    answers: Iterable[Coroutine[Any, Any, Answer]],
) -> list[Answer | FaceageError]:
    """Wait for several answers; the error of one is a value and does not affect the others."""
    return await asyncio.gather(*map(_answer_or_error, answers))


async def _answer_or_error(answer: Coroutine[Any, Any, Answer]) -> Answer | FaceageError:
    try:
        return await answer
    except FaceageError as error:
        # A copy, because the traceback of the error would keep the photo in memory.
        return type(error)(error.message, field=error.field)
