"""Which models to run, and on which device: one set of options for library, CLI and service."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from faceage_core.inference.runtime import EngineName, Precision, Runtime

DEFAULT_BUNDLE = "bundled"


class ModelOptions(BaseModel):
    """The chosen bundle, and replacements for parts of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bundle: str = Field(
        default=DEFAULT_BUNDLE,
        description="bundled: every model arrives with this package; dlib: dlib's face "
        "recognition network; facenet: InceptionResnetV1; or the path of a bundle file",
    )
    age_checkpoint: Path | None = Field(
        default=None, description="an age model's checkpoint, in place of the bundle's age model"
    )
    identity_checkpoint: Path | None = Field(
        default=None,
        description="an identity model's checkpoint, in place of the bundle's identity model",
    )
    identity_weights: Path | None = Field(
        default=None, description="the identity model's weights file, instead of a download"
    )
    device: str = Field(default="cpu", description="cpu, cuda, cuda:1, ...")
    engine: EngineName = Field(
        default="auto",
        description="what runs the networks; auto: torch on a GPU; on the CPU openvino, or "
        "onnxruntime if OpenVINO is not installed",
    )
    precision: Precision = Field(
        default="auto",
        description="auto: bf16 where openvino's processor computes in it, otherwise fp32; fp16: "
        "engine torch only",
    )
    threads: int = Field(default=1, gt=0, description="CPU threads that one call may use")

    @property
    def runtime(self) -> Runtime:
        """How the networks run."""
        return Runtime(self.engine, self.device, self.threads, self.precision)
