"""The Verifier deployment: crops in, embeddings out."""

import asyncio

import numpy as np
from numpy.typing import NDArray
from ray import serve

from deployments.batches import joined, parted
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions


@serve.deployment(
    name="Verifier",
    ray_actor_options={"num_cpus": 1},
    autoscaling_config={"min_replicas": 1, "max_replicas": 16, "target_ongoing_requests": 16},
    max_ongoing_requests=64,
    max_queued_requests=256,
)
class Verifier:
    """The identity network. It starts with its weights fetched, loaded and warm."""

    def __init__(self, options: ModelOptions) -> None:
        from faceage_core.pipeline.loading import (
            load_embedder,  # brings PyTorch, which only a stage needs
        )

        self._embedder = load_embedder(resolve(options), options)

    @serve.batch(max_batch_size=16, batch_wait_timeout_s=0.001)
    async def embed(self, crops: list[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """Embed the faces that several requests sent, in one run of the network.

        Args:
            crops: for each request [N, size, size, 3] uint8 RGB.

        Returns:
            For each request [N, D] float32 rows of length 1.
        """
        vectors = await asyncio.to_thread(self._embedder.embed, joined(crops))
        return parted(vectors, [len(one) for one in crops])

    async def ready(self) -> bool:
        """Answers once the model is loaded."""
        return True
