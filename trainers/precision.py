"""The floating-point format of training, chosen by what the device supports."""

from typing import Literal

import torch

from faceage_core.errors import InvalidArgument

Precision = Literal["auto", "fp32", "bf16", "fp16"]
FloatFormat = Literal["fp32", "bf16", "fp16"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_CPU_BF16_CAPABILITIES = ("avx512_bf16", "amx_bf16", "bf16")  # the last is ARM's


def cpu_supports_bf16() -> bool:
    """Whether this CPU has bf16 instructions; otherwise PyTorch emulates bf16."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in _CPU_BF16_CAPABILITIES)


def float_format(precision: Precision, device: torch.device) -> FloatFormat:
    """The format that a precision means on a device.

    "auto" is bf16 where the device supports it; otherwise fp16 on a GPU and fp32 on a CPU.
    """
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return "bf16" if cpu_supports_bf16() else "fp32"


def autocast(chosen: FloatFormat, device: torch.device) -> torch.autocast:
    """PyTorch's automatic mixed precision; disabled for "fp32"."""
    return torch.autocast(device.type, dtype=_DTYPES[chosen], enabled=chosen != "fp32")


def check_cpu_precision(precision: Precision) -> None:
    """Check that this CPU supports a precision.

    Raises:
        InvalidArgument: bf16 is requested and would be emulated.
    """
    if precision == "bf16" and not cpu_supports_bf16():
        raise InvalidArgument(
            "precision bf16 would be emulated on this CPU, several times slower than fp32: use "
            "auto or fp32",
            field="precision",
        )
