"""Which models to run, and where: the same options for the library, the CLI and the service."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

BundleName = Literal["bundled", "facenet"]


class ModelOptions(BaseModel):
    """The choice of a bundle, and of what replaces parts of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bundle: BundleName = Field(
        default="bundled",
        description="bundled: everything arrives with Python packages; facenet: InceptionResnetV1",
    )
    age_checkpoint: Path | None = Field(
        default=None, description="an age model trained here, in place of the bundle's"
    )
    identity_checkpoint: Path | None = Field(
        default=None, description="an identity model in the project's checkpoint format"
    )
    identity_weights: Path | None = Field(
        default=None, description="the file of the bundle's identity weights, if already at hand"
    )
    device: str = Field(default="cpu", description="cpu, cuda, cuda:1, ...")
    threads: int = Field(default=1, gt=0, description="CPU threads that one call may use")
