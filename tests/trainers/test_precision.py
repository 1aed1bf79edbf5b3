"""What a precision means on this machine's processor, and on others."""

import pytest
import torch

from faceage_core.errors import InvalidArgument
from trainers.precision import arithmetic, autocast, check_processor, processor_has_bf16

CPU = torch.device("cpu")


@pytest.fixture
def capable(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: request.param)


@pytest.mark.parametrize(
    ("capable", "chosen"),
    [
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, "fp32"),
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True, "avx512_bf16": False}, "bf16"),
        ({"architecture": "aarch64", "neon": True, "bf16": True}, "bf16"),
        ({"architecture": "aarch64", "neon": True, "bf16": False}, "fp32"),
    ],
    indirect=["capable"],
)
def test_auto_is_bf16_where_the_processor_has_it(capable: None, chosen: str) -> None:
    assert arithmetic("auto", CPU) == chosen
    assert processor_has_bf16() == (chosen == "bf16")
    if chosen == "fp32":
        with pytest.raises(InvalidArgument, match="precision bf16 would be emulated") as refused:
            check_processor("bf16")
        assert refused.value.field == "precision"
    else:
        check_processor("bf16")
    check_processor("auto")
    check_processor("fp32")


@pytest.mark.parametrize(("has_bf16", "chosen"), [(True, "bf16"), (False, "fp16")])
def test_auto_on_a_gpu(has_bf16: bool, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)
    assert arithmetic("auto", torch.device("cuda", 0)) == chosen


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_what_is_asked_for_is_taken(precision: str) -> None:
    assert arithmetic(precision, CPU) == precision  # type: ignore[arg-type]


def test_autocast_computes_in_the_arithmetic() -> None:
    layer, some = torch.nn.Linear(4, 4), torch.ones(2, 4)
    with autocast("bf16", CPU):
        assert layer(some).dtype == torch.bfloat16
    with autocast("fp32", CPU):
        assert layer(some).dtype == torch.float32
