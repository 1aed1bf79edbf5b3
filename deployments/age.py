"""The AgeEstimator deployment: crops in, apparent ages and genders out."""

import asyncio
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from ray import serve

from deployments.batches import joined, parted
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.types import Attributes, Role


@serve.deployment(
    name="AgeEstimator",
    ray_actor_options={"num_cpus": 1},
    autoscaling_config={"min_replicas": 1, "max_replicas": 16, "target_ongoing_requests": 16},
    max_ongoing_requests=64,
    max_queued_requests=256,
)
class AgeEstimator:
    """The age network and the gender network. It starts with both loaded and warm."""

    def __init__(self, options: ModelOptions) -> None:
        from faceage_core.pipeline.loading import (
            load_age,  # brings PyTorch, which only a stage needs
        )

        self._estimator = load_age(resolve(options), options)

    @serve.batch(max_batch_size=16, batch_wait_timeout_s=0.001)
    async def estimate(
        self, crops: list[Mapping[Role, NDArray[np.uint8]]]
    ) -> list[list[Attributes]]:
        """Estimate the faces that several requests sent, in one run of the networks.

        Args:
            crops: for each request its faces' crops by role, [N, size, size, 3] uint8 RGB.
        """
        together: dict[Role, NDArray[np.uint8]] = {
            role: joined([one[role] for one in crops]) for role in crops[0]
        }
        found = await asyncio.to_thread(self._estimator.estimate, together)
        return parted(found, [len(one["age"]) for one in crops])

    async def ready(self) -> bool:
        """Answers once the models are loaded."""
        return True
