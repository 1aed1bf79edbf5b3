"""The float format of each precision, on CPUs and GPUs."""

import pytest
import torch

from faceage_core.errors import InvalidArgument
from trainers.precision import autocast, check_cpu_precision, cpu_supports_bf16, float_format

CPU = torch.device("cpu")


@pytest.fixture
def capabilities(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: request.param)


@pytest.mark.parametrize(
    ("capabilities", "chosen"),
    [
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, "fp32"),
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True, "avx512_bf16": False}, "bf16"),
        ({"architecture": "aarch64", "neon": True, "bf16": True}, "bf16"),
        ({"architecture": "aarch64", "neon": True, "bf16": False}, "fp32"),
    ],
    indirect=["capabilities"],
)
def test_auto_is_bf16_if_the_cpu_supports_it(capabilities: None, chosen: str) -> None:
    assert float_format("auto", CPU) == chosen
    assert cpu_supports_bf16() == (chosen == "bf16")
    if chosen == "fp32":
        with pytest.raises(InvalidArgument, match="precision bf16 would be emulated") as caught:
            check_cpu_precision("bf16")
        assert caught.value.field == "precision"
    else:
        check_cpu_precision("bf16")
    check_cpu_precision("auto")
    check_cpu_precision("fp32")


@pytest.mark.parametrize(("has_bf16", "chosen"), [(True, "bf16"), (False, "fp16")])
def test_auto_on_a_gpu(has_bf16: bool, chosen: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bf16)
    assert float_format("auto", torch.device("cuda", 0)) == chosen


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_an_explicit_precision_is_kept(precision: str) -> None:
    assert float_format(precision, CPU) == precision  # type: ignore[arg-type]


def test_autocast_computes_in_the_format() -> None:
    layer, some = torch.nn.Linear(4, 4), torch.ones(2, 4)
    with autocast("bf16", CPU):
        assert layer(some).dtype == torch.bfloat16
    with autocast("fp32", CPU):
        assert layer(some).dtype == torch.float32
