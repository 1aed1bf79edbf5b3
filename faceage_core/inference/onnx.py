"""The ONNX Runtime engine; on the CPU it is much faster than eager PyTorch."""

import io
import os
import warnings
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

# ONNX Runtime's wheels send telemetry from the moment they are imported, and keep a log and a
# database on the disk for it. Software that handles people's photos must not do that.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # noqa: E402

_CUDA = "CUDAExecutionProvider"


def export_onnx(
    module: torch.nn.Module, example: torch.Tensor, *, dynamic_size: bool = False
) -> bytes:
    """Export a PyTorch network to ONNX, in memory, with a dynamic batch axis.

    This uses the TorchScript exporter because a replica exports at its start: it takes under two
    seconds for an InceptionResnetV1, the newer exporter more than ten.

    Args:
        module: the network; it is put into evaluation mode.
        example: [N, C, H, W] float32.
        dynamic_size: make H and W dynamic too.
    """
    dynamic = {0: "batch", 2: "height", 3: "width"} if dynamic_size else {0: "batch"}
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter's deprecation and tracing warnings
        torch.onnx.export(
            _replace_prelu(module.eval()),
            (example,),
            buffer,  # type: ignore[arg-type]  # the exporter accepts a file object too
            dynamo=False,
            input_names=["images"],
            dynamic_axes={"images": dynamic},
        )
    return buffer.getvalue()


class _TwoRelus(nn.Module):
    """A PReLU built from operators that ONNX Runtime runs fast; the results are identical.

    ONNX Runtime's own PRelu would take a large part of MTCNN's time.
    """

    def __init__(self, slopes: torch.Tensor) -> None:
        super().__init__()
        self.slopes = slopes

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        slopes = self.slopes.reshape(-1, *(1,) * (values.dim() - 2))
        return torch.relu(values) - slopes * torch.relu(-values)


def _replace_prelu(module: nn.Module) -> nn.Module:
    """A copy of the network with each PReLU replaced; the given network is not modified."""
    if not any(isinstance(part, nn.PReLU) for part in module.modules()):
        return module
    changed = deepcopy(module)
    for part in list(changed.modules()):
        for name, child in part.named_children():
            if isinstance(child, nn.PReLU):
                setattr(part, name, _TwoRelus(child.weight))
    return changed


class OnnxEngine:
    """One ONNX Runtime session.

    The memory arena and the shape-keyed memory plan are off: with images of many sizes, both keep
    the largest buffers they ever needed, and a replica would grow with every new size.

    Attributes:
        input_type: as ONNX Runtime names it, "tensor(float)".
        input_shape: an integer for a fixed axis, a name or None for a dynamic one.
        on_gpu: whether the session runs on a CUDA device.
    """

    def __init__(
        self, model: bytes, *, threads: int = 1, device: torch.device = torch.device("cpu")
    ) -> None:
        """Load a model.

        Args:
            model: the content of an ONNX file.
            threads: CPU threads one call may use.
            device: a CUDA device is used if this build of ONNX Runtime supports it.
        """
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        providers: list[Any] = ["CPUExecutionProvider"]
        if device.type == "cuda" and _CUDA in onnxruntime.get_available_providers():
            providers.insert(0, (_CUDA, {"device_id": device.index or 0}))
        self._session = onnxruntime.InferenceSession(model, options, providers=providers)
        self.on_gpu = _CUDA in self._session.get_providers()
        first = self._session.get_inputs()[0]
        self._input = first.name
        self.input_type: str = first.type
        self.input_shape: list[int | str | None] = first.shape

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        if self.input_shape[:1] != [1]:
            return tuple(self._session.run(None, {self._input: batch}))
        # Exported with a fixed batch axis of 1, as many published files are.
        rows = [self._session.run(None, {self._input: row[None]}) for row in batch]
        return tuple(np.concatenate(outputs) for outputs in zip(*rows, strict=True))
