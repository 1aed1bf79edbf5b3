"""Every engine returns the network's outputs, for any batch and from any thread."""

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import get_args

import numpy as np
import onnx
import pytest
import torch
from facenet_pytorch import InceptionResnetV1

from faceage_core.cards.catalog import shipped_card
from faceage_core.errors import InvalidArgument, InvalidCheckpoint
from faceage_core.inference.engine import Engine, choose_engine, load_engine
from faceage_core.inference.openvino import computes_in_bf16
from faceage_core.inference.runtime import EngineName, Precision, Runtime
from faceage_core.models.export import export_onnx
from tests.core.inference.networks import (
    assert_same,
    batch,
    eager,
    exported,
    fixed_batch_model,
    seeded,
)

ENGINES = [name for name in get_args(EngineName) if name != "auto"]
AUTO = Runtime()


@pytest.fixture(params=ENGINES)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    return Runtime(engine=request.param, precision="fp32")


@pytest.fixture
def engine(runtime: Runtime) -> Engine:
    """The small network, for any width and height."""
    return load_engine(exported(None), name="net", size_px=None, runtime=runtime)


# --- outputs ---


@pytest.mark.parametrize("count", [1, 2, 17])
def test_outputs_for_any_batch(engine: Engine, count: int) -> None:
    assert_same(engine, seeded(), batch(count))


@pytest.mark.parametrize(("height", "width"), [(4, 4), (12, 12), (13, 40), (101, 7)])
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


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_the_number_of_threads_does_not_change_the_outputs(name: EngineName) -> None:
    one, three = (
        load_engine(exported(None), name="net", size_px=None, runtime=Runtime(name, threads=count))
        for count in (1, 3)
    )
    for alone, together in zip(one(batch(5, 60, 50)), three(batch(5, 60, 50)), strict=True):
        np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-6)


def test_inception_resnet_v1(runtime: Runtime) -> None:
    model = export_onnx(seeded(InceptionResnetV1), torch.zeros(1, 3, 160, 160))
    engine = load_engine(model, name="net", size_px=160, runtime=runtime)
    values = batch(2, 160, 160)
    (expected,) = eager(seeded(InceptionResnetV1), values)
    np.testing.assert_allclose(engine(values)[0], expected, atol=1e-4)
    np.testing.assert_allclose(engine(values[1:])[0], expected[1:], atol=1e-4)
    assert np.abs(expected[0] - expected[1]).max() > 1e-3


def test_a_file_with_a_fixed_batch_of_one(runtime: Runtime) -> None:
    engine = load_engine(fixed_batch_model(), name="net", size_px=20, runtime=runtime)
    assert_same(engine, seeded(), batch(3))


# --- invalid files ---


def test_an_invalid_onnx_file_is_rejected(runtime: Runtime) -> None:
    with pytest.raises(InvalidCheckpoint, match="^net: .* cannot load the file: .") as caught:
        load_engine(b"no model", name="net", size_px=20, runtime=runtime)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300


def test_a_file_with_another_input_than_the_card_is_rejected(runtime: Runtime) -> None:
    expected = (
        r"^net: the ONNX file's input is float32 \[None, 3, 20, 20\], "
        r"expected float32 \[N, 3, 24, 24\]$"
    )
    with pytest.raises(InvalidCheckpoint, match=expected):
        load_engine(exported(), name="net", size_px=24, runtime=runtime)
    with pytest.raises(InvalidCheckpoint, match=r"expected float32 \[N, 3, H, W\]$"):
        load_engine(exported(), name="net", size_px=None, runtime=runtime)


def test_a_file_with_an_input_of_another_type_is_rejected(runtime: Runtime) -> None:
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.DOUBLE, ["N", 3, 20, 20])
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.DOUBLE, ["N", 3, 20, 20])
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    graph = onnx.helper.make_graph([node], "double", [value], [output])
    opset = onnx.helper.make_opsetid("", 17)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    with pytest.raises(InvalidCheckpoint, match=r"input is (float64|tensor\(double\)) "):
        load_engine(model.SerializeToString(), name="net", size_px=20, runtime=runtime)


# --- the choice of the engine ---


def test_the_rule_of_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_engine(AUTO) == "openvino"
    assert choose_engine(Runtime(device="cuda")) == "torch"
    monkeypatch.setattr("faceage_core.inference.engine.find_spec", lambda name: None)
    assert choose_engine(AUTO) == "onnxruntime"
    assert choose_engine(Runtime("openvino")) == "openvino"


@pytest.mark.parametrize("name", ["openvino", "onnxruntime"])
def test_an_engine_of_the_cpu_rejects_a_gpu(name: EngineName) -> None:
    with pytest.raises(InvalidArgument, match="runs on the CPU only, not on device 'cuda'") as e:
        load_engine(exported(), name="net", size_px=20, runtime=Runtime(name, device="cuda"))
    assert e.value.field == "engine"


@pytest.mark.parametrize("name", ENGINES)
def test_a_missing_package_is_named(name: EngineName, monkeypatch: pytest.MonkeyPatch) -> None:
    model = exported()
    monkeypatch.delitem(sys.modules, f"faceage_core.inference.{name}", raising=False)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        InvalidArgument, match=f"^engine {name} needs the package {name}: pip install "
    ) as e:
        load_engine(model, name="net", size_px=20, runtime=Runtime(name))
    assert e.value.field == "engine"


@pytest.mark.parametrize("device", ["gpu", "cuda:9999", "", "cpu0", "meta"])
def test_an_unavailable_device_is_rejected(device: str) -> None:
    with pytest.raises(InvalidArgument, match=f"device '{device}' is unavailable") as caught:
        load_engine(exported(), name="net", size_px=20, runtime=Runtime(device=device))
    assert caught.value.field == "device"
    assert "\n" not in caught.value.message


# --- precision ---


@pytest.mark.parametrize(
    ("name", "precision", "available"),
    [
        ("onnxruntime", "bf16", "fp32"),
        ("onnxruntime", "fp16", "fp32"),
        ("openvino", "fp16", "fp32 or bf16"),
    ],
)
def test_a_precision_that_an_engine_lacks_is_rejected(
    name: EngineName, precision: Precision, available: str
) -> None:
    expected = f"^precision {precision} is unavailable: engine {name} computes in {available}$"
    with pytest.raises(InvalidArgument, match=expected) as caught:
        load_engine(exported(), name="n", size_px=20, runtime=Runtime(name, precision=precision))
    assert caught.value.field == "precision"


def test_openvino_computes_in_bf16_if_the_processor_does() -> None:
    runtime = Runtime("openvino", precision="bf16")
    if not computes_in_bf16():
        with pytest.raises(InvalidArgument, match="^precision bf16 is unavailable"):
            load_engine(exported(), name="net", size_px=20, runtime=runtime)
        return
    engine = load_engine(exported(), name="net", size_px=20, runtime=runtime)
    exact = eager(seeded(), batch(3))
    for found, expected in zip(engine(batch(3)), exact, strict=True):
        np.testing.assert_allclose(found, expected, atol=0.05)
        assert (found != expected).any()


@pytest.mark.parametrize(("precision", "atol"), [("bf16", 0.05), ("fp16", 0.005)])
def test_torch_in_16_bits_is_near_fp32_and_not_equal(precision: Precision, atol: float) -> None:
    engine = load_engine(
        exported(), name="net", size_px=20, runtime=Runtime("torch", precision=precision)
    )
    for found, expected in zip(engine(batch(3)), eager(seeded(), batch(3)), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=atol)
        assert (found != expected).any()


def test_a_card_keeps_its_network_in_fp32() -> None:
    strict, measured = shipped_card("dlib-age"), shipped_card("sface")
    assert Runtime(precision="bf16").for_card(strict).precision == "fp32"
    assert Runtime(precision="bf16").for_card(measured).precision == "bf16"
    assert Runtime(threads=3).for_card(strict).threads == 3
