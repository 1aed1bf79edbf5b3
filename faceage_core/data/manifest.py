"""manifest.json: what a prepared data set is, where it comes from and how it was made."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from faceage_core.cards.crops import LandmarkCrop
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset

MANIFEST = "manifest.json"


class Manifest(BaseModel):
    """The manifest; a data set without one is not finished."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    tool_version: str
    dataset: str
    license: str = Field(description="the terms of the source, in words")
    options: PrepareOptions
    crop: LandmarkCrop | None = Field(
        description="the frame of every picture: a model trained on them is served in this one"
    )
    source_digest: str = Field(description="over the source's labels, names and file sizes")
    read: int = Field(description="pictures that the source lists; kept + rejected")
    kept: int
    rejected: dict[str, int] = Field(description="how many, by reason")
    splits: dict[str, int] = Field(description="pictures in each")
    split_hash: str = Field(description="over who is where; equal splits have equal hashes")
    groups: int = Field(description="sets of pictures that share a person or a look")
    largest_group: int


def read_manifest(folder: Folder) -> Manifest:
    """The manifest of a prepared data set.

    Raises:
        InvalidDataset: there is none, or it is of another version or broken.
    """
    if not folder.exists(MANIFEST):
        raise InvalidDataset(
            f"{folder.name} has no {MANIFEST}: `faceage prepare` did not make it or not finish it"
        )
    try:
        return Manifest.model_validate_json(folder.read(MANIFEST))
    except ValidationError as error:
        found = error.errors()
        if any(one["loc"] == ("schema_version",) for one in found):
            raise InvalidDataset(
                f"{folder.name} was prepared by another version of faceage: prepare it again"
            ) from None
        first = found[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InvalidDataset(f"{folder.name}/{MANIFEST}: {place}: {first['msg']}") from None


def write_manifest(folder: Folder, manifest: Manifest) -> None:
    """Write it; this is what makes a data set finished, so it comes last."""
    folder.write(MANIFEST, (manifest.model_dump_json(indent=2) + "\n").encode())
