"""The stages in this process, each call in a thread."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from faceage_core.models.bundles import Bundle
from faceage_core.models.download import Progress
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.stages import STAGES, RunBatch, Stage
from faceage_core.pipeline.stages.stage import Request, Result


class LocalStages:
    """Loaded stages by name; safe to call from several threads and event loops."""

    def __init__(self, loaded: Mapping[str, RunBatch[Any, Any]]) -> None:
        self._loaded = dict(loaded)

    @classmethod
    def load(
        cls,
        bundle: Bundle,
        options: ModelOptions,
        *,
        stages: Iterable[Stage[Any, Any]] | None = None,
        progress: Progress | None = None,
    ) -> "LocalStages":
        """Load stages with the models of a bundle.

        Args:
            bundle: whose models.
            options: their device, threads and weights.
            stages: which stages; None: all of `STAGES`.
            progress: called during a download.

        Raises:
            WeightsUnavailable, WeightsMismatch, InvalidCheckpoint: a model cannot be loaded.
        """
        chosen = STAGES.values() if stages is None else stages
        return cls({stage.name: stage.load(bundle, options, progress) for stage in chosen})

    async def run(self, stage: Stage[Request, Result], request: Request) -> Result:
        (result,) = await self.run_batch(stage, [request])
        return result

    async def run_batch(
        self, stage: Stage[Request, Result], requests: list[Request]
    ) -> list[Result]:
        """Run several requests of one stage in one call of its model."""
        run_batch: RunBatch[Request, Result] = self._loaded[stage.name]
        return await asyncio.to_thread(run_batch, requests)

    async def ready(self) -> bool:
        return True
