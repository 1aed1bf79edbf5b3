"""The stages of the pipeline and the table that lists them.

A stage loads its own model and scales by itself. The local stages, the service's deployments with
their batch sizes and replica limits, the handles of the ingress and the readiness check are derived
from `STAGES`. To add a stage, write a module with a `Stage` and add it to the table.
"""

from typing import Any

from faceage_core.pipeline.stages.age import AGE
from faceage_core.pipeline.stages.detector import DETECTOR
from faceage_core.pipeline.stages.stage import Crops, RunBatch, Scaling, Stage, Stages
from faceage_core.pipeline.stages.verifier import VERIFIER

__all__ = [
    "AGE",
    "DETECTOR",
    "STAGES",
    "VERIFIER",
    "Crops",
    "RunBatch",
    "Scaling",
    "Stage",
    "Stages",
    "face_stages",
]

STAGES: dict[str, Stage[Any, Any]] = {stage.name: stage for stage in (DETECTOR, AGE, VERIFIER)}


def face_stages() -> list[Stage[Crops, list[Any]]]:
    """The stages of the table that add a field to each face of the answer."""
    return [stage for stage in STAGES.values() if stage.face_field is not None]
