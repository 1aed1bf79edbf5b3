"""Bundle files: which card is the detector, the age, the gender and the identity model."""

from pydantic import Field

from faceage_core.cards.base import StrictModel

_ENTRY = "a shipped card's name, or the path of a card file or a checkpoint directory"


class BundleSpec(StrictModel):
    """The content of a bundle file. Paths are relative to the file."""

    name: str = Field(min_length=1, description="the bundle's name in answers")
    summary: str
    detector: str = Field(description=_ENTRY)
    age: str = Field(description=_ENTRY)
    gender: str | None = Field(
        default=None, description=f"{_ENTRY}; null: the age model's own gender output, if any"
    )
    identity: str = Field(description=_ENTRY)
    age_is_stand_in: bool = Field(
        default=False,
        description="the age model belongs to another bundle; answers contain a warning until a "
        "checkpoint replaces it",
    )
