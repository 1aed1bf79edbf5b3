"""The ONNX Runtime engine: on CPUs without OpenVINO, and for comparison."""

import os

import numpy as np
from numpy.typing import NDArray

from faceage_core.errors import InvalidArgument
from faceage_core.inference.runtime import Precision

# ONNX Runtime's wheels send telemetry from the moment they are imported, and keep a log and a
# database on the disk for it. Software that handles people's photos must not do that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # noqa: E402

_TYPES = {"tensor(float)": "float32"}


class OnnxRuntimeEngine:
    """One ONNX Runtime session on the CPU.

    The memory arena and the shape-keyed memory plan are off: with images of many sizes, both keep
    the largest buffers they ever needed, and a replica would grow with every new size.

    Attributes:
        input_type: as NumPy names it, "float32".
        input_shape: None for a free axis.
    """

    def __init__(self, model: bytes, *, threads: int = 1, precision: Precision = "auto") -> None:
        """Load a model.

        Args:
            model: the content of an ONNX file.
            threads: CPU threads one call may use.
            precision: "auto" is fp32.

        Raises:
            InvalidArgument: the precision is bf16 or fp16.
        """
        if precision in ("bf16", "fp16"):
            raise InvalidArgument(
                f"precision {precision} is unavailable: engine onnxruntime computes in fp32",
                field="precision",
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        # Compute weights that are stored in 8 bits once, while loading, and not in every call.
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        first = self._session.get_inputs()[0]
        self._input = first.name
        self.input_type: str = _TYPES.get(first.type, first.type)
        self.input_shape: tuple[int | None, ...] = tuple(
            axis if isinstance(axis, int) else None for axis in first.shape
        )

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        return tuple(self._session.run(None, {self._input: batch}))
