"""Where a model's weights files come from; each is identified by its sha256."""

from typing import Annotated, Literal

from pydantic import Field

from faceage_core.cards.base import StrictModel

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class PackageFile(StrictModel):
    """A file inside an installed Python package."""

    kind: Literal["package"] = "package"
    package: str = Field(description="import name; the package is located, never imported")
    path: str = Field(description="inside the package")
    sha256: Sha256


class DownloadFile(StrictModel):
    """A file that is downloaded once into the cache, or supplied by the user."""

    kind: Literal["download"] = "download"
    url: Annotated[str, Field(pattern=r"^https?://")]
    sha256: Sha256
    size_bytes: int | None = None


class CheckpointFile(StrictModel):
    """A file in the same directory as its card."""

    kind: Literal["checkpoint"] = "checkpoint"
    path: Annotated[
        str,
        Field(pattern=r"^[^/\\]*[^./\\][^/\\]*$", description="a plain file name"),
    ] = "model.safetensors"
    sha256: Sha256


class OriginalFile(StrictModel):
    """The published file that a shipped weights file was made from."""

    package: str | None = Field(
        description="import name of the package that contains it; None: see the card's origin"
    )
    path: str = Field(description="inside the package, or the file's name")
    sha256: Sha256


WeightsFile = Annotated[PackageFile | DownloadFile | CheckpointFile, Field(discriminator="kind")]
