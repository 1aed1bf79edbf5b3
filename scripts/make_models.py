"""Make the ONNX files of `faceage_core/models/shipped` from the published files.

    python -m scripts.make_models \
        --sface face_recognition_sface_2021dec_int8bq.onnx \
        --yunet face_detection_yunet_2023mar_int8bq.onnx

The other originals are inside the packages of the development environment. The cards in
`faceage_core/cards/shipped` name the originals and state their sha256, which is verified first. The
command prints the sha256 of the made files; put them into the cards.
"""

import argparse
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import nn

from faceage_core.cards.catalog import shipped_card
from faceage_core.cards.weights import PackageFile
from faceage_core.models.checkpoint import load_into, load_state_dict
from faceage_core.models.download import locate, verify
from faceage_core.models.export import export_onnx

SHIPPED = Path(__file__).resolve().parents[1] / "faceage_core" / "models" / "shipped"
OPSET = 13  # of the exported networks; every engine reads it
CARDS = ("mtcnn", "dlib-age", "dlib-gender", "sface", "yunet")
GIVEN = ("sface", "yunet")  # no installed package contains the originals of these


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files."""
    parser = argparse.ArgumentParser(prog="python -m scripts.make_models", description=__doc__)
    for card in GIVEN:
        parser.add_argument(
            f"--{card}", type=Path, help=f"the original of {card}.onnx; without it skipped"
        )
    given: dict[str, Path | None] = vars(parser.parse_args(argv))
    for card in CARDS:
        if card in GIVEN and given[card] is None:
            continue
        for name, original in originals(card, given.get(card)).items():
            path = SHIPPED / name
            path.write_bytes(MAKERS[name](original))
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            print(f"{name}  {path.stat().st_size} bytes  sha256 {digest}")  # noqa: T201
    return 0


def originals(card: str, given: Path | None = None) -> dict[str, Path]:
    """The verified originals of a card's weights, by the name of the shipped file.

    Args:
        card: the name of a shipped card.
        given: an original that no installed package contains.

    Raises:
        WeightsUnavailable, WeightsMismatch: an original is missing, or is another file.
    """
    found = {}
    for file, original in zip(
        shipped_card(card).weights, shipped_card(card).originals, strict=True
    ):
        path = given
        if original.package is not None:
            path = locate(
                PackageFile(package=original.package, path=original.path, sha256=original.sha256)
            )
        assert path is not None
        verify(path, original.sha256)
        assert isinstance(file, PackageFile)
        found[Path(file.path).name] = path
    return found


def _mtcnn(kind: type[nn.Module], size_px: int, *, any_size: bool = False) -> Callable[..., bytes]:
    def make(original: Path) -> bytes:
        network = kind(pretrained=False)
        load_into(network, load_state_dict(original), source=original.name)
        example = torch.zeros(1, 3, size_px, size_px)
        return _anonymous(export_onnx(network, example, dynamic_size=any_size, opset=OPSET))

    return make


def make_sface(original: Path) -> bytes:
    """SFace with the same weights, still in 8 bits, in a form that every engine reads.

    The published graph declares its weights as inputs, fixes the batch at 1, and stores a bias of
    128 numbers in blocks of 64, which OpenVINO does not read: that bias becomes float32.
    """
    model = onnx.load(original)
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    images = next(value for value in graph.input if value.name == "data")
    for value in (images, *graph.output):
        _free_axes(value, {0: "batch"})
    nodes = []
    for node in graph.node:
        quantised = node.op_type == "DequantizeLinear" and constants[node.input[0]]
        if quantised and len(quantised.dims) == 1:
            bias = numpy_helper.from_array(_dequantised(node, constants), node.output[0])
            constants[bias.name] = bias
        else:
            nodes.append(node)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for name, tensor in constants.items() if name in used]
    fresh = helper.make_graph(nodes, "sface", [images], list(graph.output), kept)
    return _anonymous(
        helper.make_model(
            fresh, opset_imports=model.opset_import, ir_version=model.ir_version
        ).SerializeToString()
    )


def make_yunet(original: Path) -> bytes:
    """YuNet with the same weights as float32 numbers, for any batch, height and width.

    The published graph stores its weights in 8 bits, in blocks and as matrices, and declares one
    photo of 640 by 640 pixels. As float32 it needs the operators of opset 13 only. Heights and
    widths must be multiples of 32.
    """
    graph = onnx.load(original).graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        folded = None
        if node.op_type == "DequantizeLinear":
            folded = _dequantised(node, constants)
        elif node.op_type == "Reshape":
            shape = numpy_helper.to_array(constants[node.input[1]])
            if node.input[0] in constants:
                folded = numpy_helper.to_array(constants[node.input[0]]).reshape(shape)
            elif shape[0] == 1:  # [1, -1, columns] of an output; 0 keeps the size of the batch
                rows = np.array([0, *shape[1:]], shape.dtype)
                constants[node.input[1]] = numpy_helper.from_array(rows, node.input[1])
        if folded is None:
            nodes.append(node)
        else:
            constants[node.output[0]] = numpy_helper.from_array(folded, node.output[0])
    (photos,) = graph.input
    _free_axes(photos, {0: "batch", 2: "height", 3: "width"})
    for value in graph.output:
        _free_axes(value, {0: "batch", 1: f"cells_{value.name.split('_')[1]}"})
    used = {name for node in nodes for name in node.input}
    kept = [tensor for name, tensor in constants.items() if name in used]
    fresh = helper.make_graph(nodes, "yunet", [photos], list(graph.output), kept)
    opset = helper.make_opsetid("", OPSET)
    return _anonymous(
        helper.make_model(
            fresh, opset_imports=[opset], ir_version=helper.find_min_ir_version_for([opset])
        ).SerializeToString()
    )


def _free_axes(value: onnx.ValueInfoProto, names: dict[int, str]) -> None:
    for axis, name in names.items():
        value.type.tensor_type.shape.dim[axis].dim_param = name


def _dequantised(
    node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]
) -> NDArray[np.float32]:
    """The values of a tensor that is stored in blocks along one axis."""
    values, scales, zeros = (numpy_helper.to_array(constants[name]) for name in node.input)
    attributes = {item.name: item.i for item in node.attribute}
    axis, block = attributes["axis"], attributes["block_size"]
    spread = [
        np.repeat(part, block, axis).take(range(values.shape[axis]), axis)
        for part in (scales, zeros.astype(np.float32))
    ]
    found: NDArray[np.float32] = (values.astype(np.float32) - spread[1]) * spread[0]
    return found


def _anonymous(model: bytes) -> bytes:
    """The model without the version of the exporter, so that the bytes depend on nothing else."""
    parsed = onnx.load_from_string(model)
    parsed.producer_name, parsed.producer_version = "faceage", ""
    onnx.checker.check_model(parsed)
    return bytes(parsed.SerializeToString(deterministic=True))


MAKERS: dict[str, Callable[[Path], bytes]] = {
    "pnet.onnx": _mtcnn(PNet, 48, any_size=True),
    "rnet.onnx": _mtcnn(RNet, 24),
    "onet.onnx": _mtcnn(ONet, 48),
    "dlib_age.onnx": Path.read_bytes,
    "dlib_gender.onnx": Path.read_bytes,
    "sface.onnx": make_sface,
    "yunet.onnx": make_yunet,
}

if __name__ == "__main__":
    raise SystemExit(main())
