"""The shipped ONNX files give the same numbers as the published files that they were made from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import nn

from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.model_card import NetworkCard
from faceage_core.detection.crops import cut
from faceage_core.images import decode
from faceage_core.inference import engine as engines
from faceage_core.inference.normalisation import normalise
from faceage_core.inference.runtime import EngineName, Runtime
from faceage_core.models.checkpoint import load_into, load_state_dict
from faceage_core.models.registry import load_engine
from faceage_core.models.weights import resolve_weights
from scripts.make_models import CARDS, MAKERS, SHIPPED, make_sface, make_yunet, originals
from tests.core.detection.shipped import load_shipped

REFERENCE = Runtime("onnxruntime")
ENGINES: tuple[EngineName, ...] = ("openvino", "onnxruntime", "torch")
Crops = Callable[[NetworkCard], NDArray[np.uint8]]


def noise(count: int, height: int, width: int) -> NDArray[np.float32]:
    values = np.random.default_rng(3).uniform(-1, 1, (count, 3, height, width))
    return values.astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "name", "size_px", "shape"),
    [
        (PNet, "pnet.onnx", None, (61, 83)),
        (RNet, "rnet.onnx", 24, (24, 24)),
        (ONet, "onet.onnx", 48, (48, 48)),
    ],
)
def test_mtcnn(
    kind: type[nn.Module], name: str, size_px: int | None, shape: tuple[int, int]
) -> None:
    network = kind(pretrained=False).eval()
    original = originals("mtcnn")[name]
    load_into(network, load_state_dict(original), source=name)
    values = noise(3, *shape)
    with torch.no_grad():
        expected = network(torch.from_numpy(values))
    engine = engines.load_engine(
        (SHIPPED / name).read_bytes(), name=name, size_px=size_px, runtime=REFERENCE
    )
    for found, wanted in zip(engine(values), expected, strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("card", "name"), [("dlib-age", "dlib_age.onnx"), ("dlib-gender", "dlib_gender.onnx")]
)
def test_ages_and_genders(card: str, name: str) -> None:
    assert originals(card)[name].read_bytes() == (SHIPPED / name).read_bytes()


def test_every_shipped_file_is_a_card_s_and_has_a_maker() -> None:
    cards = [shipped_card(name) for name in CARDS]
    made = {path.name for card in cards for path in resolve_weights(card)}
    assert made == MAKERS.keys()
    assert made == {path.name for path in SHIPPED.glob("*.onnx")}


# --- SFace: the original is in no package of the development environment ---


def quantised(values: NDArray[np.float32], block: int, axis: int) -> dict[str, NDArray[Any]]:
    """Signed 8-bit values with a scale and a zero point for each block along an axis."""
    blocks = np.split(values, range(block, values.shape[axis], block), axis)
    scales = [np.abs(part).max(axis, keepdims=True) / 100 for part in blocks]
    scale = np.concatenate(scales, axis).astype(np.float32)
    spread = np.repeat(scale, block, axis).take(range(values.shape[axis]), axis)
    zeros = np.full(scale.shape, 3, np.int8)
    numbers = (np.round(values / spread) + 3).astype(np.int8)
    return {"quantized": numbers, "scales": scale, "zero_point": zeros}


def tiny_sface() -> bytes:
    """A graph in the style of the published file: one layer, with 8-bit weights as inputs."""
    rng = np.random.default_rng(1)
    parts = {
        "weight": (quantised(rng.normal(size=(6, 3 * 4 * 4)).astype(np.float32), 16, 1), 16, 1),
        "bias": (quantised(rng.normal(size=6).astype(np.float32), 4, 0), 4, 0),
    }
    nodes, tensors = [], []
    for name, (arrays, block, axis) in parts.items():
        tensors += [numpy_helper.from_array(a, f"{name}_{kind}") for kind, a in arrays.items()]
        given = [f"{name}_{kind}" for kind in arrays]
        nodes.append(
            helper.make_node("DequantizeLinear", given, [name], axis=axis, block_size=block)
        )
    nodes += [
        helper.make_node("Flatten", ["data"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weight", "bias"], ["fc1"], transB=1),
    ]
    tensors.append(numpy_helper.from_array(np.array([9]), "unused_shape"))
    images = helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 4, 4])
    inputs = [
        images,
        *(helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in tensors),
    ]
    outputs = [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, [1, 6])]
    graph = helper.make_graph(nodes, "original", inputs, outputs, tensors)
    opset = helper.make_opsetid("", 21)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    return bytes(model.SerializeToString())


def by_onnx_runtime(model: bytes, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The outputs of a published graph, whose batch is 1; weights that it declares are unused."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feed = {value.name: np.zeros(value.shape, np.float32) for value in session.get_inputs()}
    rows = [session.run(None, {**feed, "data": row[None]})[0] for row in values]
    return np.concatenate(rows)


def test_a_graph_like_sface_keeps_its_numbers(tmp_path: Path) -> None:
    (tmp_path / "original.onnx").write_bytes(tiny_sface())
    made = make_sface(tmp_path / "original.onnx")
    assert made == make_sface(tmp_path / "original.onnx")
    graph = onnx.load_from_string(made).graph
    assert [value.name for value in graph.input] == ["data"]
    assert "unused_shape" not in {tensor.name for tensor in graph.initializer}
    values = noise(3, 4, 4)
    expected = by_onnx_runtime(tiny_sface(), values)
    for name in ENGINES:
        engine = engines.load_engine(
            made, name="tiny", size_px=4, runtime=Runtime(name, precision="fp32")
        )
        np.testing.assert_allclose(engine(values)[0], expected, atol=1e-5, err_msg=name)


@pytest.mark.data
def test_sface(data_dir: Path, face_crops: Crops) -> None:
    original = data_dir / shipped_card("sface").originals[0].path
    if not original.is_file():
        pytest.skip(f"needs {original.name}")
    assert (
        make_sface(originals("sface", original)["sface.onnx"])
        == (SHIPPED / "sface.onnx").read_bytes()
    )
    card = shipped_card("sface", NetworkCard)
    values = np.concatenate(
        [normalise(face_crops(card), card.input), 127.5 + 127.5 * noise(2, 112, 112)]
    )
    expected = by_onnx_runtime(original.read_bytes(), values)
    assert cosines(run(card, REFERENCE, values), expected).min() > 0.999999


# --- YuNet: the original is in no package of the development environment either ---


def tiny_yunet() -> bytes:
    """A graph in the style of the published file, for one photo of 8 by 8 pixels.

    One convolution with 8-bit weights as a matrix in blocks and a bias in one block, and one level
    that is enlarged, with one output.
    """
    rng = np.random.default_rng(2)
    parts = {
        "weight": (quantised(rng.normal(size=(4, 3 * 3 * 3)).astype(np.float32), 9, 1), 9, 1),
        "bias": (quantised(rng.normal(size=4).astype(np.float32), 4, 0), 4, 0),
    }
    nodes, tensors = [], []
    for name, (arrays, block, axis) in parts.items():
        tensors += [numpy_helper.from_array(a, f"{name}_{kind}") for kind, a in arrays.items()]
        given = [f"{name}_{kind}" for kind in arrays]
        nodes.append(
            helper.make_node("DequantizeLinear", given, [name], axis=axis, block_size=block)
        )
    shapes = {"weight_shape": [4, 3, 3, 3], "rows": [1, -1, 4]}
    tensors += [numpy_helper.from_array(np.array(s, np.int64), n) for n, s in shapes.items()]
    tensors.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice"))
    nearest = {
        "mode": "nearest",
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    }
    nodes += [
        helper.make_node("Reshape", ["weight", "weight_shape"], ["kernel"]),
        helper.make_node("Conv", ["input", "kernel", "bias"], ["cells"], strides=[2, 2]),
        helper.make_node("Resize", ["cells", "", "twice"], ["level"], **nearest),
        helper.make_node("Transpose", ["level"], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("Reshape", ["last", "rows"], ["bbox_8"]),
    ]
    photos = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 8, 8])
    boxes = helper.make_tensor_value_info("bbox_8", TensorProto.FLOAT, [1, 36, 4])
    graph = helper.make_graph(nodes, "original", [photos], [boxes], tensors)
    opset = helper.make_opsetid("", 21)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=10)
    return bytes(model.SerializeToString())


def by_onnx(model: bytes, values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The outputs by ONNX's reference; ONNX Runtime rejects a vector that is one block."""
    parsed = onnx.load_from_string(model)
    return [np.asarray(part) for part in ReferenceEvaluator(parsed).run(None, {"input": values})]


def test_a_graph_like_yunet_keeps_its_numbers_for_any_batch_and_size(tmp_path: Path) -> None:
    (tmp_path / "original.onnx").write_bytes(tiny_yunet())
    made = make_yunet(tmp_path / "original.onnx")
    assert made == make_yunet(tmp_path / "original.onnx")
    model = onnx.load_from_string(made)
    assert "DequantizeLinear" not in {node.op_type for node in model.graph.node}
    assert [opset.version for opset in model.opset_import] == [13]
    values = noise(2, 8, 8)
    expected = np.concatenate([by_onnx(tiny_yunet(), row[None])[0] for row in values])
    for name in ENGINES:
        engine = engines.load_engine(
            made, name="tiny", size_px=None, runtime=Runtime(name, precision="fp32")
        )
        np.testing.assert_allclose(engine(values)[0], expected, atol=1e-5, err_msg=name)
        assert engine(noise(3, 6, 10))[0].shape == (3, 4 * 8, 4)


@pytest.mark.data
def test_yunet(data_dir: Path, samples: dict[str, bytes]) -> None:
    original = data_dir / shipped_card("yunet").originals[0].path
    if not original.is_file():
        pytest.skip(f"needs {original.name}")
    made = make_yunet(originals("yunet", original)["yunet.onnx"])
    assert made == (SHIPPED / "yunet.onnx").read_bytes()
    photo = np.zeros((640, 640, 3), np.uint8)
    face = decode(samples["collins.png"])
    photo[: face.shape[0], : face.shape[1]] = face[:, :, ::-1]
    values = np.ascontiguousarray(photo.transpose(2, 0, 1)[None]).astype(np.float32)
    engine = engines.load_engine(made, name="yunet", size_px=None, runtime=REFERENCE)
    for found, expected in zip(engine(values), by_onnx(original.read_bytes(), values), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-4)


# --- every engine gives the same numbers on real faces ---


@pytest.fixture(scope="module")
def face_crops(samples: dict[str, bytes]) -> Crops:
    """A function that cuts the faces of two samples for the network of a card."""
    detector = load_shipped()
    photos = [decode(samples[name]) for name in ("collins.png", "hopper_1984.jpg")]
    faces = [(photo, face) for photo in photos for face in detector.detect([photo])[0]]

    def crops(card: NetworkCard) -> NDArray[np.uint8]:
        return np.stack([cut(photo, face, card.input.crop) for photo, face in faces])

    return crops


def run(card: NetworkCard, runtime: Runtime, values: NDArray[np.float32]) -> NDArray[np.float32]:
    return load_engine(card, resolve_weights(card), runtime)(values)[0]


def cosines(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    found: NDArray[np.float32] = np.sum(one * other, axis=1) / lengths
    return found


@pytest.mark.parametrize("name", ["dlib-resnet", "sface"])
def test_networks_in_bf16_keep_their_accuracy(name: str, face_crops: Crops) -> None:
    card = shipped_card(name, NetworkCard)
    assert card.precision == "auto"
    values = normalise(face_crops(card), card.input)
    exact = run(card, REFERENCE, values)
    found = run(card, Runtime("torch", precision="bf16"), values)
    assert 0.9995 < cosines(found, exact).min() < 0.9999999


@pytest.mark.parametrize("engine", ["openvino", "torch"])
@pytest.mark.parametrize("name", ["dlib-age", "dlib-gender", "sface"])
def test_every_engine_gives_the_same_on_faces(
    name: str, engine: EngineName, face_crops: Crops
) -> None:
    card = shipped_card(name, NetworkCard)
    values = normalise(face_crops(card), card.input)
    exact = run(card, REFERENCE, values)
    found = run(card, Runtime(engine, precision="fp32"), values)
    np.testing.assert_allclose(found, exact, atol=1e-5 * np.abs(exact).max())
    assert len(exact) >= 2
    assert np.abs(exact[0] - exact[1]).max() > 1e-3
