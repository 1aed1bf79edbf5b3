"""The verifier stage: crops of faces in, embeddings out."""

import numpy as np
from numpy.typing import NDArray

from faceage_core.models.bundles import Bundle
from faceage_core.models.download import Progress
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.stages.stage import RunBatch, Scaling, Stage, join_crops, split_rows


def _load(
    bundle: Bundle, options: ModelOptions, progress: Progress | None
) -> RunBatch[NDArray[np.uint8], NDArray[np.float32]]:
    from faceage_core.pipeline.loading import load_embedder

    embedder = load_embedder(bundle, options, progress=progress)

    def embed(requests: list[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        return split_rows(embedder.embed(join_crops(requests)), [len(crops) for crops in requests])

    return embed


# [N, size, size, 3] uint8 RGB to [N, D] float32 rows of length 1.
VERIFIER: Stage[NDArray[np.uint8], NDArray[np.float32]] = Stage(
    name="Verifier",
    load=_load,
    scaling=Scaling(max_batch_size=16, target_ongoing_requests=16),
)
