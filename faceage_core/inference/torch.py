"""The PyTorch engine: for GPUs, and the reference for testing the ONNX Runtime engine."""

import numpy as np
import torch
from numpy.typing import NDArray


class TorchEngine:
    """A PyTorch network in evaluation mode on one device."""

    def __init__(self, module: torch.nn.Module, *, device: str) -> None:
        self._device = torch.device(device)
        self._module = module.eval().to(self._device).to(memory_format=torch.channels_last)

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        images = torch.from_numpy(batch).to(self._device, memory_format=torch.channels_last)
        with torch.inference_mode():
            outputs = self._module(images)
        if isinstance(outputs, torch.Tensor):
            outputs = (outputs,)
        return tuple(output.float().cpu().numpy() for output in outputs)
