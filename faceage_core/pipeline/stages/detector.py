"""The detector stage: an image in, its faces and their aligned crops out."""

from faceage_core.errors import FaceageError
from faceage_core.images import ImageData
from faceage_core.models.bundles import Bundle
from faceage_core.models.download import Progress
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.stages.stage import RunBatch, Scaling, Stage
from faceage_core.types import Detection


def _load(
    bundle: Bundle, options: ModelOptions, progress: Progress | None
) -> RunBatch[ImageData, Detection | FaceageError]:
    from faceage_core.pipeline.loading import load_detector

    return load_detector(bundle, options, progress=progress).detect


# Detectors search photo by photo, so a batch would only make its first photo wait for the last one.
# An unreadable image is a value, not an exception, so that the other images of its batch succeed.
DETECTOR: Stage[ImageData, Detection | FaceageError] = Stage(
    name="Detector",
    load=_load,
    scaling=Scaling(max_batch_size=1, target_ongoing_requests=8, max_ongoing_requests=32),
)
