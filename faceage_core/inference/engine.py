"""How a network runs: ONNX Runtime on the CPU, PyTorch on a GPU, behind one call.

An engine maps one float32 batch to the network's outputs. Everything above this package deals in
NumPy arrays and never learns which runtime is underneath.
"""

from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from faceage_core.errors import InvalidArgument
from faceage_core.inference.onnx import OnnxEngine, export_onnx
from faceage_core.inference.torch import TorchEngine

__all__ = ["Engine", "engine_for_file", "engine_for_module"]


class Engine(Protocol):
    """A loaded network; safe to call from several threads."""

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Run one batch.

        Args:
            batch: [N, C, H, W] float32, N >= 1, already normalised as the model's card says.

        Returns:
            The network's outputs in the order it declares them, float32, first axis N.
        """
        ...


def engine_for_module(
    module: torch.nn.Module,
    example: torch.Tensor,
    *,
    device: str = "cpu",
    threads: int = 1,
    dynamic_size: bool = False,
) -> Engine:
    """Make a PyTorch network ready for inference on a device.

    Args:
        module: the network, weights loaded.
        example: a float32 input of the right shape, [N, C, H, W].
        device: "cpu" runs through ONNX Runtime, anything else ("cuda", "cuda:1") through PyTorch.
        threads: CPU threads one call may use.
        dynamic_size: whether H and W vary from call to call, beside N.

    Raises:
        InvalidArgument: there is no such device on this machine.
    """
    if _usable(device).type == "cpu":
        return OnnxEngine(export_onnx(module, example, dynamic_size=dynamic_size), threads=threads)
    return TorchEngine(module, device=device)


def _usable(device: str) -> torch.device:
    try:
        torch.zeros(1, device=device).item()  # "meta" makes tensors that hold nothing
        return torch.device(device)
    except Exception:  # PyTorch raises RuntimeError, AssertionError and others
        raise InvalidArgument(
            f"device {device!r} is not usable here; cpu always is, and cuda, cuda:1, ... where "
            "PyTorch sees such a GPU",
            field="device",
        ) from None


def engine_for_file(path: Path, *, threads: int = 1) -> Engine:
    """Load a network that is published as an ONNX file; it runs on the CPU."""
    return OnnxEngine(path.read_bytes(), threads=threads)
