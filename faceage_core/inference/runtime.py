"""How networks run: the engine, the device, the number of threads and the precision."""

from dataclasses import dataclass, replace
from typing import Literal

from faceage_core.cards.model_card import BaseCard

EngineName = Literal["auto", "openvino", "onnxruntime", "torch"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]


@dataclass(frozen=True)
class Runtime:
    """The choices that are the same for all networks of a process.

    Attributes:
        engine: "auto": PyTorch on a GPU; on the CPU OpenVINO if it is installed, otherwise ONNX
            Runtime.
        device: "cpu", "cuda", "cuda:1", ...
        threads: CPU threads that one call may use.
        precision: "auto": bf16 where OpenVINO's processor computes in it, otherwise fp32. fp16 is
            for PyTorch only.
    """

    engine: EngineName = "auto"
    device: str = "cpu"
    threads: int = 1
    precision: Precision = "auto"

    def for_card(self, card: BaseCard) -> "Runtime":
        """The choices for one network, which stays in fp32 unless its card says otherwise."""
        return self if card.precision == "auto" else replace(self, precision=card.precision)
