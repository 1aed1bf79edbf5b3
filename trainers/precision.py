"""In what arithmetic a network is trained, by what the device can do."""

from typing import Literal

import torch

from faceage_core.errors import InvalidArgument

Precision = Literal["auto", "fp32", "bf16", "fp16"]
Arithmetic = Literal["fp32", "bf16", "fp16"]

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_BF16_OF_PROCESSORS = ("avx512_bf16", "amx_bf16", "bf16")  # the last is ARM's


def processor_has_bf16() -> bool:
    """Whether this machine's processor multiplies bf16 itself; PyTorch emulates it elsewhere."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in _BF16_OF_PROCESSORS)


def arithmetic(precision: Precision, device: torch.device) -> Arithmetic:
    """What a precision means on a device.

    "auto" is bf16 where the device has it; without, fp16 on a GPU and fp32 on a processor.
    """
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    return "bf16" if processor_has_bf16() else "fp32"


def autocast(chosen: Arithmetic, device: torch.device) -> torch.autocast:
    """PyTorch's own mixed precision; for "fp32" it changes nothing."""
    return torch.autocast(device.type, dtype=_DTYPES[chosen], enabled=chosen != "fp32")


def check_processor(precision: Precision) -> None:
    """Refuse what this machine's processor would only emulate.

    Raises:
        InvalidArgument: bf16 is asked for, and the processor has none.
    """
    if precision == "bf16" and not processor_has_bf16():
        raise InvalidArgument(
            "precision bf16 would be emulated on this processor, several times slower than fp32: "
            "use auto or fp32",
            field="precision",
        )
