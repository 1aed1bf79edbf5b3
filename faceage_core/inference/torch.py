"""The PyTorch engine: for GPUs. It runs an ONNX graph operator by operator.

A model with another operator than those in `OPERATORS` needs a line there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper
from torch import Tensor

from faceage_core.errors import InvalidArgument
from faceage_core.inference.runtime import Precision
from faceage_core.inference.torch_operators import OPERATORS, tensor_of

_REDUCED = {"bf16": torch.bfloat16, "fp16": torch.float16}


class TorchEngine:
    """An ONNX graph on one device.

    Attributes:
        input_type: as NumPy names it, "float32".
        input_shape: None for a free axis.
    """

    def __init__(self, model: bytes, *, device: str = "cpu", precision: Precision = "auto") -> None:
        """Load a model.

        Args:
            model: the content of an ONNX file.
            device: "cpu", "cuda", "cuda:1", ...
            precision: "auto" is fp32.

        Raises:
            InvalidArgument: the device is unavailable.
            NotImplementedError: the graph has an operator that is not in `OPERATORS`.
        """
        self._device = _available(device)
        self._dtype = _REDUCED.get(precision, torch.float32)
        graph = onnx.load_from_string(model).graph
        self._constants = {tensor.name: tensor_of(tensor) for tensor in graph.initializer}
        (first,) = [value for value in graph.input if value.name not in self._constants]
        self._input = first.name
        self.input_type, self.input_shape = _describe(first)
        self._outputs = [value.name for value in graph.output]
        self._steps = self._plan([_step(node) for node in graph.node])

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        images = torch.from_numpy(batch).to(self._device, self._dtype)
        values = {self._input: images.to(memory_format=torch.channels_last)}
        with torch.inference_mode():
            for step in self._steps:
                step.run(values, self._constants)
        return tuple(values[name].float().cpu().numpy() for name in self._outputs)

    def _plan(self, steps: "list[_Step]") -> "list[_Step]":
        """Run every step that depends on constants only, once; the others remain, in order."""
        remaining = []
        with torch.inference_mode():
            for step in steps:
                if any(name and name not in self._constants for name in step.inputs):
                    remaining.append(step)
                else:
                    step.run(self._constants, {})
        needed = set(self._outputs)
        for step in reversed(remaining):
            step.last_used = tuple(name for name in {*step.inputs, *step.outputs} - needed if name)
            needed |= set(step.inputs)
        self._constants = {
            name: self._place(value) for name, value in self._constants.items() if name in needed
        }
        return remaining

    def _place(self, value: Tensor) -> Tensor:
        """Weights go to the device; integers are shapes and indices, which the host uses."""
        if not value.is_floating_point():
            return value
        value = value.to(self._device, self._dtype)
        return value.contiguous(memory_format=torch.channels_last) if value.dim() == 4 else value


@dataclass
class _Step:
    """One node of the graph.

    Attributes:
        operator: the function.
        inputs: names of its arguments; "" is an omitted one.
        outputs: names of its results.
        attributes: its keyword arguments.
        last_used: names of values that no later step needs.
    """

    operator: Callable[..., Any]
    inputs: Sequence[str]
    outputs: Sequence[str]
    attributes: dict[str, Any]
    last_used: tuple[str, ...] = ()

    def run(self, values: dict[str, Tensor], constants: dict[str, Tensor]) -> None:
        """Compute the outputs and add them to the values."""
        given = [
            None if not name else values[name] if name in values else constants[name]
            for name in self.inputs
        ]
        results = self.operator(*given, **self.attributes)
        values.update(
            zip(self.outputs, results if isinstance(results, tuple) else (results,), strict=False)
        )
        for name in self.last_used:
            values.pop(name, None)


def _step(node: onnx.NodeProto) -> _Step:
    if node.op_type not in OPERATORS:
        raise NotImplementedError(f"operator {node.op_type} is not supported")
    attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    return _Step(OPERATORS[node.op_type], node.input, node.output, attributes)


def _describe(value: onnx.ValueInfoProto) -> tuple[str, tuple[int | None, ...]]:
    kind = value.type.tensor_type
    shape = tuple(axis.dim_value if axis.HasField("dim_value") else None for axis in kind.shape.dim)
    return helper.tensor_dtype_to_np_dtype(kind.elem_type).name, shape


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
