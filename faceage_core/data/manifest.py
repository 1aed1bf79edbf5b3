"""manifest.json: content, source and preparation options of a prepared data set."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from faceage_core.cards.crops import LandmarkCrop
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset

MANIFEST = "manifest.json"


class Manifest(BaseModel):
    """The manifest; a data set without one is unfinished."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: Literal[1] = 1
    tool_version: str
    dataset: str
    license: str = Field(description="the terms of the source, as text")
    options: PrepareOptions
    crop: LandmarkCrop | None = Field(
        description="the crop of every image; a model trained on them is served with it"
    )
    source_digest: str = Field(description="hash of the source's labels, names and file sizes")
    read: int = Field(description="images that the source lists: kept + rejected")
    kept: int
    rejected: dict[str, int] = Field(description="number of images by reason")
    splits: dict[str, int] = Field(description="number of images by split")
    split_hash: str = Field(description="hash of the assignment of images to splits")
    groups: int = Field(description="number of groups of images of one person or look")
    largest_group: int


def read_manifest(folder: Folder) -> Manifest:
    """Read the manifest of a prepared data set.

    Raises:
        InvalidDataset: it is missing, damaged, or of another version.
    """
    if not folder.exists(MANIFEST):
        raise InvalidDataset(
            f"{folder.name} has no {MANIFEST}: `faceage prepare` did not make it or not finish it"
        )
    try:
        return Manifest.model_validate_json(folder.read(MANIFEST))
    except ValidationError as error:
        found = error.errors()
        if any(item["loc"] == ("schema_version",) for item in found):
            raise InvalidDataset(
                f"{folder.name} was prepared by another version of faceage: prepare it again"
            ) from None
        first = found[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InvalidDataset(f"{folder.name}/{MANIFEST}: {place}: {first['msg']}") from None


def write_manifest(folder: Folder, manifest: Manifest) -> None:
    """Write the manifest. It marks a data set as finished, so write it last."""
    folder.write(MANIFEST, (manifest.model_dump_json(indent=2) + "\n").encode())
