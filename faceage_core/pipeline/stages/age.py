"""The age stage: crops of faces in, their apparent ages and genders out."""

from faceage_core.models.bundles import Bundle
from faceage_core.models.download import Progress
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.stages.stage import (
    Crops,
    RunBatch,
    Scaling,
    Stage,
    join_faces,
    split_rows,
)
from faceage_core.types import Attributes


def _load(
    bundle: Bundle, options: ModelOptions, progress: Progress | None
) -> RunBatch[Crops, list[Attributes]]:
    from faceage_core.pipeline.loading import load_age

    estimator = load_age(bundle, options, progress=progress)

    def estimate(requests: list[Crops]) -> list[list[Attributes]]:
        attributes = estimator.estimate(join_faces(requests))
        return split_rows(attributes, [len(crops["age"]) for crops in requests])

    return estimate


AGE: Stage[Crops, list[Attributes]] = Stage(
    name="AgeEstimator",
    load=_load,
    scaling=Scaling(max_batch_size=16, target_ongoing_requests=16),
)
