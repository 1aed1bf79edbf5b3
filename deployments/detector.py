"""The Detector deployment: photos' bytes in, faces and their aligned crops out."""

import asyncio

from ray import serve

from faceage_core.errors import FaceageError
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.types import Detection


@serve.deployment(
    name="Detector",
    ray_actor_options={"num_cpus": 1},
    autoscaling_config={"min_replicas": 1, "max_replicas": 16, "target_ongoing_requests": 8},
    max_ongoing_requests=32,
    max_queued_requests=256,
)
class Detector:
    """Decoding, MTCNN and the crops. It starts with the model loaded and warm."""

    def __init__(self, options: ModelOptions) -> None:
        from faceage_core.pipeline.loading import (
            load_detector,  # brings PyTorch, which only a stage needs
        )

        self._detector = load_detector(resolve(options), options)

    @serve.batch(max_batch_size=8, batch_wait_timeout_s=0.001)
    async def detect(self, photos: list[bytes]) -> list[Detection | FaceageError]:
        """Find the faces of the photos that several requests sent; an error is a value."""
        return await asyncio.to_thread(self._detector.detect, photos)

    async def ready(self) -> bool:
        """Answers once the model is loaded."""
        return True
