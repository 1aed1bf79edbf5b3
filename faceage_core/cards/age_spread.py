"""The calibration of an age distribution, as fitted to photos of known age.

`faceage_core.age.calibration` applies it.
"""

from pydantic import Field

from faceage_core.cards.base import StrictModel


class AgeSpread(StrictModel):
    """First a temperature, then a Gaussian blur over neighbouring ages.

    The Gaussian's standard deviation at an age is base_years + per_year * age, in years. A
    temperature of 1 leaves the network's distribution unchanged.
    """

    temperature: float = Field(default=1.0, ge=0.1, le=10)
    base_years: float = Field(gt=0, le=1000)
    per_year: float = Field(ge=0, le=1000)
    fitted_on: str
