"""Two photos to one answer: the graph of stages, its options, and the answer's schema."""

from faceage_core.pipeline.pipeline import FacePipeline, Pipeline

__all__ = ["FacePipeline", "Pipeline"]
