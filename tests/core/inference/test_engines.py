"""Both engines return the network's outputs, for any batch and from any thread."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from facenet_pytorch import InceptionResnetV1
from numpy.typing import NDArray
from torch import Tensor, nn

from faceage_core.errors import InvalidArgument, InvalidCheckpoint
from faceage_core.inference.engine import Engine, engine_for_module, engine_for_onnx
from faceage_core.inference.onnx import OnnxEngine, export_onnx
from faceage_core.inference.torch import TorchEngine


class TwoHeads(nn.Module):
    """Two outputs, and layers that behave differently in training."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.PReLU(8), nn.MaxPool2d(2, 2, ceil_mode=True)
        )
        self.drop = nn.Dropout(0.5)
        self.first, self.second = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 2, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.drop(self.body(images))
        return self.first(features), self.second(features).softmax(dim=1)


def seeded(kind: type[nn.Module] = TwoHeads) -> nn.Module:
    torch.manual_seed(7)
    return kind()


def batch(count: int, height: int = 20, width: int = 20) -> NDArray[np.float32]:
    values = np.random.default_rng(count).normal(size=(count, 3, height, width))
    return values.astype(np.float32)


def eager(module: nn.Module, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    with torch.no_grad():
        outputs = module.eval()(torch.from_numpy(values.copy()))
    outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
    return [output.numpy() for output in outputs]


def assert_same(engine: Engine, module: nn.Module, values: NDArray[np.float32]) -> None:
    found, expected = engine(values), eager(module, values)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.fixture(params=["onnx", "torch"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """The same small network, with dynamic height and width."""
    if request.param == "torch":
        return TorchEngine(seeded(), device="cpu")
    return engine_for_module(seeded(), size_px=24, dynamic_size=True)


@pytest.mark.parametrize("count", [1, 2, 17])
def test_outputs_for_any_batch(engine: Engine, count: int) -> None:
    assert_same(engine, seeded(), batch(count))


@pytest.mark.parametrize(("height", "width"), [(3, 3), (12, 12), (13, 40), (101, 7)])
def test_outputs_for_any_size(engine: Engine, height: int, width: int) -> None:
    assert_same(engine, seeded(), batch(2, height, width))


def test_the_input_is_not_modified(engine: Engine) -> None:
    values = batch(2)
    before = values.copy()
    engine(values)
    np.testing.assert_array_equal(values, before)


def test_outputs_are_not_overwritten_by_the_next_call(engine: Engine) -> None:
    first = engine(batch(2))
    kept = [output.copy() for output in first]
    engine(batch(2) * 3)
    for output, copy in zip(first, kept, strict=True):
        np.testing.assert_array_equal(output, copy)


def test_calls_from_several_threads(engine: Engine) -> None:
    work = [batch(count % 5 + 1, 12 + count, 15) for count in range(24)]
    expected = [engine(values) for values in work]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(engine, work))
    for one, other in zip(found, expected, strict=True):
        for output, alone in zip(one, other, strict=True):
            np.testing.assert_allclose(output, alone, rtol=1e-5, atol=1e-6)


def test_inception_resnet_v1_gives_the_same_on_both_engines() -> None:
    engine = engine_for_module(seeded(InceptionResnetV1), size_px=160)
    assert isinstance(engine, OnnxEngine)
    module, values = seeded(InceptionResnetV1), batch(2, 160, 160)
    (expected,) = eager(module, values)
    (found,) = engine(values)
    np.testing.assert_allclose(found, expected, atol=1e-4)
    np.testing.assert_allclose(engine(values[1:])[0], expected[1:], atol=1e-4)
    assert np.abs(expected[0] - expected[1]).max() > 1e-3


def test_a_published_onnx_file() -> None:
    model = export_onnx(seeded(), torch.zeros(1, 3, 20, 20))
    assert_same(engine_for_onnx(model, name="net", size_px=20), seeded(), batch(3))


def fixed_batch_model() -> bytes:
    """The same network, exported with a batch axis of 1."""
    model = onnx.load_from_string(export_onnx(seeded(), torch.zeros(1, 3, 20, 20)))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    return bytes(model.SerializeToString())


def test_a_published_onnx_file_with_a_fixed_batch_of_one() -> None:
    engine = engine_for_onnx(fixed_batch_model(), name="net", size_px=20)
    assert_same(engine, seeded(), batch(3))


def test_an_invalid_onnx_file_is_rejected() -> None:
    with pytest.raises(InvalidCheckpoint, match="^net: ONNX Runtime cannot load the file: "):
        engine_for_onnx(b"no model", name="net", size_px=20)


def test_an_onnx_file_with_another_input_than_the_card_is_rejected() -> None:
    model = export_onnx(seeded(), torch.zeros(1, 3, 20, 20))
    expected = (
        r"^net: the ONNX file's input is .* 20, 20\], expected tensor\(float\) \[N, 3, 24, 24\]$"
    )
    with pytest.raises(InvalidCheckpoint, match=expected):
        engine_for_onnx(model, name="net", size_px=24)


def test_an_onnx_file_checks_the_device() -> None:
    model = export_onnx(seeded(), torch.zeros(1, 3, 20, 20))
    with pytest.raises(InvalidArgument, match="device 'cuda:9999' is unavailable"):
        engine_for_onnx(model, name="net", size_px=20, device="cuda:9999")


def test_an_onnx_file_falls_back_to_the_cpu_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # A GPU that PyTorch detects, and a build of ONNX Runtime without its CUDA provider.
    monkeypatch.setattr("faceage_core.inference.engine._available", torch.device)
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    model = export_onnx(seeded(), torch.zeros(1, 3, 20, 20))
    engine = engine_for_onnx(model, name="net", size_px=20, device="cuda:1")
    assert_same(engine, seeded(), batch(3))
    assert [record.getMessage() for record in caplog.records] == [
        "net runs on the CPU: ONNX Runtime cannot use device cuda:1"
    ]
    engine_for_onnx(model, name="net", size_px=20)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("device", ["gpu", "cuda:9999", "", "cpu0"])
def test_an_unavailable_device_is_rejected(device: str) -> None:
    with pytest.raises(InvalidArgument, match=f"device '{device}' is unavailable") as caught:
        engine_for_module(seeded(), size_px=20, device=device)
    assert caught.value.field == "device"
    assert "\n" not in caught.value.message


def test_the_runtime_sends_no_telemetry_and_writes_no_files(tmp_path: Path) -> None:
    code = "import faceage_core.inference.engine, onnxruntime; print(onnxruntime.__version__)"
    environment = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    homes = dict.fromkeys(("TMPDIR", "HOME", "XDG_CACHE_HOME"), str(tmp_path))
    ended = subprocess.run(
        [sys.executable, "-c", code], env={**environment, **homes}, capture_output=True, check=True
    )
    assert ended.stdout
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
