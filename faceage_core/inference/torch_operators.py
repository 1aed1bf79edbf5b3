"""ONNX operators as PyTorch functions, as https://onnx.ai/onnx/operators describes them.

The operators are those of the shipped models, of the networks that this project trains, and of
usual published ones. Inputs are positional arguments, attributes are keyword arguments. Tensors of
integers are shapes and indices and stay on the CPU.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from torch import Tensor
from torch.nn import functional


def tensor_of(tensor: onnx.TensorProto) -> Tensor:
    """A tensor of an ONNX file, on the CPU."""
    return torch.from_numpy(numpy_helper.to_array(tensor).copy())


def _window(
    x: Tensor, pads: Sequence[int] | None, auto_pad: bytes, fill: float = 0.0
) -> tuple[Tensor, list[int]]:
    """The padding of a convolution or pooling; unequal sides are padded here."""
    if auto_pad not in (b"", b"NOTSET", b"VALID"):
        raise NotImplementedError(f"auto_pad {auto_pad.decode()} is not supported")
    top, left, bottom, right = pads or (0, 0, 0, 0)
    if (top, left) == (bottom, right):
        return x, [top, left]
    return functional.pad(x, (left, right, top, bottom), value=fill), [0, 0]


def _conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] | None = None,
    dilations: Sequence[int] = (1, 1),
    group: int = 1,
    kernel_shape: Sequence[int] | None = None,
    auto_pad: bytes = b"",
) -> Tensor:
    x, padding = _window(x, pads, auto_pad)
    return functional.conv2d(x, weight, bias, list(strides), padding, list(dilations), group)


def _max_pool(
    x: Tensor,
    *,
    kernel_shape: Sequence[int],
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] | None = None,
    dilations: Sequence[int] = (1, 1),
    ceil_mode: int = 0,
    storage_order: int = 0,
    auto_pad: bytes = b"",
) -> Tensor:
    x, padding = _window(x, pads, auto_pad, fill=-torch.inf)
    return functional.max_pool2d(
        x, list(kernel_shape), list(strides), padding, list(dilations), bool(ceil_mode)
    )


def _average_pool(
    x: Tensor,
    *,
    kernel_shape: Sequence[int],
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] | None = None,
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    auto_pad: bytes = b"",
) -> Tensor:
    padded, padding = _window(x, pads, auto_pad)
    if padded is not x and not count_include_pad:
        raise NotImplementedError("AveragePool with unequal padding is not supported")
    return functional.avg_pool2d(
        padded, list(kernel_shape), list(strides), padding, bool(ceil_mode), bool(count_include_pad)
    )


def _batch_norm(
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    *,
    epsilon: float = 1e-5,
    **training: Any,
) -> Tensor:
    return functional.batch_norm(x, mean, variance, scale, bias, eps=epsilon)


def _cast(x: Tensor, *, to: int, saturate: int = 1) -> Tensor:
    dtype = torch.from_numpy(np.zeros(0, helper.tensor_dtype_to_np_dtype(to))).dtype
    # The precision of the engine replaces that of the file.
    return x if dtype.is_floating_point and x.is_floating_point() else x.to(dtype)


def _constant(*, value: onnx.TensorProto | None = None, **others: Any) -> Tensor:
    if value is not None:
        return tensor_of(value)
    ((name, number),) = others.items()
    return torch.tensor(number, dtype=torch.int64 if "int" in name else torch.float32)


def _constant_of_shape(shape: Tensor, *, value: onnx.TensorProto | None = None) -> Tensor:
    filling = torch.zeros(1) if value is None else tensor_of(value)
    return filling.expand(shape.tolist())


def _dequantize(
    x: Tensor, scale: Tensor, zero: Tensor | None = None, *, axis: int = 1, block_size: int = 0
) -> Tensor:
    def spread(values: Tensor) -> Tensor:
        if block_size:
            values = values.repeat_interleave(block_size, axis)
            return values.narrow(axis, 0, x.shape[axis])
        if values.dim() == 0:
            return values
        return values.reshape([-1 if i == axis else 1 for i in range(x.dim())])

    offset = 0 if zero is None else spread(zero).to(scale)
    return (x.to(scale) - offset) * spread(scale)


def _gemm(
    a: Tensor,
    b: Tensor,
    c: Tensor | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,  # noqa: N803  # ONNX's name
    transB: int = 0,  # noqa: N803
) -> Tensor:
    product = alpha * ((a.T if transA else a) @ (b.T if transB else b))
    return product if c is None else product + beta * c


def _pad(
    x: Tensor,
    pads: Tensor,
    value: Tensor | None = None,
    axes: Tensor | None = None,
    *,
    mode: bytes = b"constant",
) -> Tensor:
    if mode != b"constant":
        raise NotImplementedError(f"Pad with mode {mode.decode()} is not supported")
    chosen = range(x.dim()) if axes is None else [axis % x.dim() for axis in axes.tolist()]
    before, after = pads.view(2, -1).tolist()
    widths = [(0, 0)] * x.dim()
    for axis, *both in zip(chosen, before, after, strict=True):
        widths[axis] = (both[0], both[1])
    flat = [width for pair in reversed(widths) for width in pair]  # the last axis first
    return functional.pad(x, flat, value=0.0 if value is None else float(value))


def _prelu(x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x < 0, x * slope, x)


def _reduce(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def run(
        x: Tensor,
        axes: Tensor | None = None,
        *,
        keepdims: int = 1,
        noop_with_empty_axes: int = 0,
        **before_opset_18: Sequence[int],
    ) -> Tensor:
        chosen = axes.tolist() if axes is not None else before_opset_18.get("axes")
        return function(x, dim=chosen or list(range(x.dim())), keepdim=bool(keepdims))

    return run


def _reshape(x: Tensor, shape: Tensor, *, allowzero: int = 0) -> Tensor:
    sizes = shape.tolist()
    if not allowzero:
        sizes = [x.shape[i] if size == 0 else size for i, size in enumerate(sizes)]
    return x.reshape(sizes)


def _resize(
    x: Tensor,
    region: Tensor | None,
    scales: Tensor,
    *,
    mode: bytes = b"nearest",
    coordinate_transformation_mode: bytes = b"half_pixel",
    nearest_mode: bytes = b"round_prefer_floor",
    cubic_coeff_a: float = -0.75,
) -> Tensor:
    rounding = (mode, coordinate_transformation_mode, nearest_mode)
    if rounding != (b"nearest", b"asymmetric", b"floor"):
        names = ", ".join(name.decode() for name in rounding)
        raise NotImplementedError(f"Resize with {names} is not supported")
    return functional.interpolate(x, scale_factor=scales[2:].tolist(), mode="nearest")


def _slice(
    x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None, steps: Tensor | None = None
) -> Tensor:
    chosen = range(len(starts)) if axes is None else axes.tolist()
    by = [1] * len(starts) if steps is None else steps.tolist()
    for axis, *bounds in zip(chosen, starts.tolist(), ends.tolist(), by, strict=True):
        places = range(*slice(*bounds).indices(x.shape[axis]))
        x = x.index_select(axis, torch.tensor(places, device=x.device))
    return x


def _squeeze(x: Tensor, axes: Tensor | None = None) -> Tensor:
    return x.squeeze() if axes is None else x.squeeze(axes.tolist())


def _unsqueeze(x: Tensor, axes: Tensor) -> Tensor:
    rank = x.dim() + len(axes)
    for axis in sorted(axis % rank for axis in axes.tolist()):
        x = x.unsqueeze(axis)
    return x


OPERATORS: dict[str, Callable[..., Any]] = {
    "Abs": torch.abs,
    "Add": torch.add,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Cast": _cast,
    "Clip": lambda x, low=None, high=None: torch.clamp(x, low, high),
    "Concat": lambda *parts, axis: torch.cat(parts, axis),
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Conv": _conv,
    "DequantizeLinear": _dequantize,
    "Div": torch.div,
    "Dropout": lambda x, *_, **__: x,
    "Expand": lambda x, shape: x * torch.ones(shape.tolist(), dtype=x.dtype, device=x.device),
    "Flatten": lambda x, axis=1: x.reshape(int(np.prod(x.shape[:axis])), -1),
    "Gather": lambda x, at, axis=0: x[(slice(None),) * (axis % x.dim()) + (at,)],
    "Gemm": _gemm,
    "GlobalAveragePool": lambda x: x.mean(dim=(2, 3), keepdim=True),
    "HardSigmoid": lambda x, alpha=0.2, beta=0.5: torch.clamp(alpha * x + beta, 0, 1),
    "HardSwish": functional.hardswish,
    "Identity": lambda x: x,
    "InstanceNormalization": lambda x, scale, bias, epsilon=1e-5: functional.instance_norm(
        x, weight=scale, bias=bias, eps=epsilon
    ),
    "LeakyRelu": lambda x, alpha=0.01: functional.leaky_relu(x, alpha),
    "MatMul": torch.matmul,
    "MaxPool": _max_pool,
    "Mul": torch.mul,
    "PRelu": _prelu,
    "Pad": _pad,
    "ReduceL2": _reduce(torch.linalg.vector_norm),
    "ReduceMean": _reduce(torch.mean),
    "Relu": torch.relu,
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": lambda x, start=0, end=None: torch.tensor(x.shape[start:end]),
    "Sigmoid": torch.sigmoid,
    "Slice": _slice,
    "Softmax": lambda x, axis=-1: torch.softmax(x, axis),
    "Squeeze": _squeeze,
    "Sub": torch.sub,
    "Transpose": lambda x, perm: x.permute(*perm),
    "Unsqueeze": _unsqueeze,
}
