"""The base class of everything that a card or a bundle file holds."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Immutable; unknown fields, NaN and infinity are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
