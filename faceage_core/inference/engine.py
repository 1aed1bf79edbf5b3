"""Engines: ONNX Runtime on the CPU and PyTorch on a GPU behind one interface.

An engine maps one float32 batch to the network's outputs. The code above this package works with
NumPy arrays only and does not depend on the runtime.
"""

import logging
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from faceage_core.errors import InvalidArgument, InvalidCheckpoint
from faceage_core.inference.onnx import OnnxEngine, export_onnx
from faceage_core.inference.torch import TorchEngine

_log = logging.getLogger(__name__)


class Engine(Protocol):
    """A loaded network; safe to call from several threads."""

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Run one batch.

        Args:
            batch: [N, C, H, W] float32, N >= 1, normalised as the model's card says.

        Returns:
            The network's outputs in their declared order, float32, first axis N.
        """
        ...


def engine_for_module(
    module: torch.nn.Module,
    *,
    size_px: int,
    device: str = "cpu",
    threads: int = 1,
    dynamic_size: bool = False,
) -> Engine:
    """Prepare a PyTorch network for inference on a device.

    Args:
        module: the network, weights loaded.
        size_px: width and height of the input, [N, 3, size_px, size_px] float32.
        device: "cpu" runs on ONNX Runtime; any other device ("cuda", "cuda:1") on PyTorch.
        threads: CPU threads one call may use.
        dynamic_size: accept inputs of any width and height.

    Raises:
        InvalidArgument: the device is unavailable.
    """
    if _available(device).type == "cpu":
        example = torch.zeros(1, 3, size_px, size_px)
        return OnnxEngine(export_onnx(module, example, dynamic_size=dynamic_size), threads=threads)
    return TorchEngine(module, device=device)


def engine_for_onnx(
    model: bytes, *, name: str, size_px: int, device: str = "cpu", threads: int = 1
) -> Engine:
    """Load a network that is published as an ONNX file.

    Args:
        model: the content of the file; one input, [N, 3, size_px, size_px] float32.
        name: the model's name, for messages.
        size_px: width and height of the input.
        device: "cpu" or a CUDA device. If this build of ONNX Runtime cannot use the device, the
            network runs on the CPU and a warning is logged.
        threads: CPU threads one call may use.

    Raises:
        InvalidArgument: the device is unavailable.
        InvalidCheckpoint: the file is not an ONNX model that ONNX Runtime can run, or its input
            has another shape or type.
    """
    place = _available(device)
    try:
        engine = OnnxEngine(model, threads=threads, device=place)
    except Exception as error:  # ONNX Runtime has many error classes, without a common base
        reason = str(error).partition("\n")[0]
        raise InvalidCheckpoint(f"{name}: ONNX Runtime cannot load the file: {reason}") from error
    if not _accepts(engine.input_type, engine.input_shape, size_px):
        raise InvalidCheckpoint(
            f"{name}: the ONNX file's input is {engine.input_type} {engine.input_shape}, "
            f"expected tensor(float) [N, 3, {size_px}, {size_px}]"
        )
    if place.type != "cpu" and not engine.on_gpu:
        _log.warning("%s runs on the CPU: ONNX Runtime cannot use device %s", name, device)
    return engine


def _accepts(kind: str, shape: Sequence[int | str | None], size_px: int) -> bool:
    """Whether an ONNX input takes [N, 3, size, size] float32; names and None are free axes."""
    return (
        kind == "tensor(float)"
        and len(shape) == 4
        and all(
            found == wanted or not isinstance(found, int)
            for found, wanted in zip(shape[1:], (3, size_px, size_px), strict=True)
        )
    )


def _available(device: str) -> torch.device:
    try:
        torch.zeros(1, device=device).item()  # fails for "meta" too, whose tensors hold no data
        return torch.device(device)
    except Exception:  # PyTorch raises RuntimeError, AssertionError and others
        raise InvalidArgument(
            f"device {device!r} is unavailable; use cpu, or cuda, cuda:1, ... if PyTorch "
            "detects such a GPU",
            field="device",
        ) from None
