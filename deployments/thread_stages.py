"""The stages in threads of this process, behind one event loop."""

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from faceage_core.pipeline.stages import RunBatch, Stage
from faceage_core.pipeline.stages.stage import Request, Result

# A thread for each core: a call computes on one core, and more calls at once would only hold more
# memory. Not more than four: each call of the detector may hold a photo of 40 megapixels, which are
# 120 MB. To use more cores, run the service on Ray.
MAX_THREADS = 4


class ThreadStages:
    """Loaded stages, each with its own threads, so that no stage waits for calls of another one.

    A call that is cancelled while it waits is gone. One that runs in a thread cannot be stopped: it
    keeps its place until it ends, so that cancelled calls do not add up.

    Args:
        loaded: the stages by name.
        threads: for each stage; None: one for each core, up to `MAX_THREADS`.
    """

    def __init__(
        self, loaded: Mapping[str, RunBatch[Any, Any]], *, threads: int | None = None
    ) -> None:
        threads = threads or min(os.cpu_count() or 1, MAX_THREADS)
        self._loaded = dict(loaded)
        self._pools = {name: ThreadPoolExecutor(threads, name) for name in loaded}
        # Calls wait here and not in the pool, which would hold the photos of cancelled ones.
        self._places = {name: asyncio.Semaphore(threads) for name in loaded}

    async def run(self, stage: Stage[Request, Result], request: Request) -> Result:
        places = self._places[stage.name]
        await places.acquire()
        call = asyncio.create_task(self._call(stage, request))
        call.add_done_callback(lambda _: places.release())
        return await asyncio.shield(call)

    async def ready(self) -> bool:
        return True

    async def _call(self, stage: Stage[Request, Result], request: Request) -> Result:
        loop = asyncio.get_running_loop()
        run_batch: RunBatch[Request, Result] = self._loaded[stage.name]
        (result,) = await loop.run_in_executor(self._pools[stage.name], run_batch, [request])
        return result
