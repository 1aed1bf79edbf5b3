"""The OpenVINO engine: the default on CPUs, in bf16 where the processor computes in it."""

import sys
from functools import cache

import numpy as np
from numpy.typing import NDArray

from faceage_core.errors import InvalidArgument
from faceage_core.inference.runtime import Precision

# OpenVINO reports each import to its maker and keeps an identifier in the home directory for it.
# Software that handles people's photos must not do that. If this package cannot be imported,
# OpenVINO runs without reports.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402

# For each shape of the input that a network meets, OpenVINO keeps prepared kernels, by default 5000
# of them. With images of many sizes a replica would grow by hundreds of megabytes.
_KEPT_KERNELS = 256


class OpenVinoEngine:
    """One compiled network on the CPU.

    Attributes:
        input_type: as NumPy names it, "float32".
        input_shape: None for a free axis.
    """

    def __init__(self, model: bytes, *, threads: int = 1, precision: Precision = "auto") -> None:
        """Load a model.

        Args:
            model: the content of an ONNX file.
            threads: CPU threads one call may use; calls from several threads wait for each other.
            precision: of the computation; inputs and outputs are always float32.

        Raises:
            InvalidArgument: the processor does not compute in bf16, or the precision is fp16.
        """
        core = _core()
        options = {
            "INFERENCE_PRECISION_HINT": _precision_hint(precision),
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # all processes of a host would choose the same cores
            "CPU_RUNTIME_CACHE_CAPACITY": _KEPT_KERNELS,
        }
        self._network = core.compile_model(core.read_model(model, b""), "CPU", options)
        first = self._network.input(0)
        self.input_type: str = np.dtype(first.element_type.to_dtype()).name
        self.input_shape: tuple[int | None, ...] = tuple(
            axis.get_length() if axis.is_static else None for axis in first.partial_shape
        )

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        # A request belongs to one call, so that calls from several threads cannot mix.
        request = self._network.create_infer_request()
        return tuple(request.infer({0: batch}, share_inputs=True).values())


def computes_in_bf16() -> bool:
    """Whether this processor has instructions for bf16, which OpenVINO uses."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@cache
def _core() -> openvino.Core:
    return openvino.Core()


def _precision_hint(precision: Precision) -> str:
    if precision == "fp16":
        raise InvalidArgument(
            "precision fp16 is unavailable: engine openvino computes in fp32 or bf16",
            field="precision",
        )
    if precision == "bf16" and not computes_in_bf16():
        raise InvalidArgument(
            "precision bf16 is unavailable: this processor does not compute in it",
            field="precision",
        )
    return "bf16" if precision != "fp32" and computes_in_bf16() else "f32"
