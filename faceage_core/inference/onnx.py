"""Networks on ONNX Runtime: the CPU engine, much faster there than eager PyTorch."""

import io
import os
import warnings
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

# ONNX Runtime's wheels report to their maker from the moment they are imported, and keep a log and
# a database on the disk for it. What handles people's photos does neither.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # noqa: E402


def export_onnx(
    module: torch.nn.Module, example: torch.Tensor, *, dynamic_size: bool = False
) -> bytes:
    """Translate a PyTorch network to ONNX, in memory, with a free batch axis.

    The TorchScript exporter is used on purpose: it takes under two seconds for an
    InceptionResnetV1 where the newer one takes more than ten, and a replica exports when it starts.

    Args:
        module: the network; it is put into evaluation mode.
        example: [N, C, H, W] float32.
        dynamic_size: leave H and W free as well.
    """
    dynamic = {0: "batch", 2: "height", 3: "width"} if dynamic_size else {0: "batch"}
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter's own deprecation and tracing notes
        torch.onnx.export(
            _without_prelu(module.eval()),
            (example,),
            buffer,  # type: ignore[arg-type]  # the exporter takes a file object too
            dynamo=False,
            input_names=["images"],
            dynamic_axes={"images": dynamic},
        )
    return buffer.getvalue()


class _TwoRelus(nn.Module):
    """A PReLU, to the bit, out of operators that ONNX Runtime runs fast.

    Its own PRelu is so slow that it would be a large part of what MTCNN costs.
    """

    def __init__(self, slopes: torch.Tensor) -> None:
        super().__init__()
        self.slopes = slopes

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        slopes = self.slopes.reshape(-1, *(1,) * (values.dim() - 2))
        return torch.relu(values) - slopes * torch.relu(-values)


def _without_prelu(module: nn.Module) -> nn.Module:
    """The same network, each PReLU in it taken apart; the given one is left as it is."""
    if not any(isinstance(part, nn.PReLU) for part in module.modules()):
        return module
    changed = deepcopy(module)
    for part in list(changed.modules()):
        for name, child in part.named_children():
            if isinstance(child, nn.PReLU):
                setattr(part, name, _TwoRelus(child.weight))
    return changed


class OnnxEngine:
    """One ONNX Runtime session on the CPU.

    The memory arena and the shape-keyed memory plan are off: with pictures of many sizes both keep
    the largest buffers they ever needed, and a replica would grow with every new size.
    """

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        return tuple(self._session.run(None, {self._input: batch}))
