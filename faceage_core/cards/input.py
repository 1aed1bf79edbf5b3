"""The input specification: the crop and the normalisation of a network's input.

`faceage_core.inference.normalisation` applies it.
"""

from pydantic import Field

from faceage_core.cards.base import StrictModel
from faceage_core.cards.crops import CropSpec


class InputSpec(StrictModel):
    """From a uint8 RGB crop to the network's input: (pixel - mean) * scale for each channel."""

    crop: CropSpec
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    average_flip: bool = Field(
        default=False, description="run the mirrored crop too and average both outputs"
    )
