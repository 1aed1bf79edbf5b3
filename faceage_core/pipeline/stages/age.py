"""The age stage: the crops of an image's faces in, their apparent ages and genders out."""

from faceage_core.models.bundles import Bundle
from faceage_core.models.download import Progress
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.stages.stage import (
    Crops,
    RunBatch,
    Scaling,
    Stage,
    join_crops,
    split_rows,
)
from faceage_core.types import Attributes


def _load(
    bundle: Bundle, options: ModelOptions, progress: Progress | None
) -> RunBatch[Crops, list[Attributes]]:
    from faceage_core.pipeline.loading import load_age

    estimator = load_age(bundle, options, progress=progress)

    def estimate(requests: list[Crops]) -> list[list[Attributes]]:
        together = {role: join_crops([crops[role] for crops in requests]) for role in requests[0]}
        return split_rows(estimator.estimate(together), [len(crops["age"]) for crops in requests])

    return estimate


AGE: Stage[Crops, list[Attributes]] = Stage(
    name="AgeEstimator",
    load=_load,
    scaling=Scaling(max_batch_size=16, target_ongoing_requests=16),
)
