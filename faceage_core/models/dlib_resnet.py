"""dlib's face recognition network in PyTorch, with its published weights.

A 29-layer ResNet (the layout of dlib's dnn_face_recognition_ex.cpp), trained by Davis King with a
metric loss. dlib itself runs it one face at a time and holds Python's global lock, which would
block a replica's event loop. Here it runs on the same engines and in the same batches as every
other network. A test compares both implementations on real faces.
"""

import struct

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from faceage_core.errors import WeightsMismatch

# The output channels of each residual block, and whether the block halves the resolution.
_BLOCKS = (
    *[(32, False)] * 3,
    *[(64, True), (64, False), (64, False), (64, False)],
    *[(128, True), (128, False), (128, False)],
    *[(256, True), (256, False), (256, False)],
    (256, True),
)


class DlibResNet(nn.Module):
    """[N, 3, 150, 150] float32, normalised as its card says, to [N, 128] embeddings of length ~1.4.

    dlib's affine layers are folded into the preceding convolutions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 7, stride=2)
        blocks, channels = [], 32
        for out_channels, halve in _BLOCKS:
            blocks.append(_Residual(channels, out_channels, halve=halve))
            channels = out_channels
        self.blocks = nn.Sequential(*blocks)
        self.embedding = nn.Linear(channels, 128, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        features = functional.max_pool2d(functional.relu(self.stem(images)), 3, stride=2)
        features = self.blocks(features)
        pooled: Tensor = features.mean(dim=(2, 3))
        embedded: Tensor = self.embedding(pooled)
        return embedded


class _Residual(nn.Module):
    def __init__(self, channels: int, out_channels: int, *, halve: bool) -> None:
        super().__init__()
        self.halve = halve
        stride, padding = (2, 0) if halve else (1, 1)
        self.first = nn.Conv2d(channels, out_channels, 3, stride=stride, padding=padding)
        self.second = nn.Conv2d(out_channels, out_channels, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        change = self.second(functional.relu(self.first(features)))
        if self.halve:
            features = functional.avg_pool2d(features, 2)
        # dlib adds tensors of different sizes by padding the smaller one with zeros after its last
        # channel, row and column.
        return functional.relu(_pad_to(features, change) + _pad_to(change, features))


def _pad_to(tensor: Tensor, other: Tensor) -> Tensor:
    # As integers, because an export would otherwise compute the sizes in every call.
    channels, height, width = (
        max(0, int(target) - int(size))
        for size, target in zip(tensor.shape[1:], other.shape[1:], strict=True)
    )
    return functional.pad(tensor, (0, width, 0, height, 0, channels))


def load_dlib_resnet(data: bytes) -> DlibResNet:
    """Build the network from the bytes of dlib_face_recognition_resnet_model_v1.dat.

    Raises:
        WeightsMismatch: the file is truncated, or its layers are not those of the network.
    """
    network = DlibResNet()
    try:
        _fill(network, data)
    except (IndexError, ValueError, RuntimeError):
        raise WeightsMismatch(
            "the file is truncated, or the sizes of its layers are not those of dlib's face "
            "recognition network"
        ) from None
    return network.eval()


def _fill(network: DlibResNet, data: bytes) -> None:
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    filters, affines = _tensors(data, b"con_4"), _tensors(data, b"affine_")
    linear = _tensors(data, b"fc_2", counts_before=2)
    if (len(filters), len(affines), len(linear)) != (len(convolutions), len(convolutions), 1):
        raise WeightsMismatch("the file does not contain dlib's face recognition network")
    with torch.no_grad():
        for layer, values, affine in zip(convolutions, filters, affines, strict=True):
            weights, bias = np.split(values, [layer.weight.numel()])
            gain, shift = torch.from_numpy(affine).chunk(2)
            weight = torch.from_numpy(weights).reshape(layer.weight.shape)
            layer.weight.copy_(weight * gain[:, None, None, None])
            assert layer.bias is not None
            layer.bias.copy_(torch.from_numpy(bias) * gain + shift)
        matrix = torch.from_numpy(linear[0]).reshape(-1, 128)
        network.embedding.weight.copy_(matrix.T)


def _tensors(data: bytes, layer: bytes, *, counts_before: int = 0) -> list[NDArray[np.float32]]:
    """The parameters of every layer of one kind, in the network's order.

    dlib serializes a layer as its name (length, characters), two counts if the layer is linear, and
    its parameter tensor: version 2, four dimensions, then little-endian float32 values.
    """
    marker = struct.pack("bb", 1, len(layer)) + layer
    found = []
    position = data.find(marker)
    while position >= 0:
        position += len(marker)
        for _ in range(counts_before):
            _, position = _integer(data, position)
        version, position = _integer(data, position)
        if version != 2:
            raise WeightsMismatch(f"unsupported dlib tensor version {version}, only 2 is supported")
        count = 1
        for _ in range(4):
            size, position = _integer(data, position)
            count *= size
        found.append(np.frombuffer(data, dtype="<f4", count=count, offset=position).copy())
        position = data.find(marker, position + 4 * count)
    return found


def _integer(data: bytes, position: int) -> tuple[int, int]:
    """Read dlib's packed integer: a byte with the number of bytes, then those in little-endian."""
    length = data[position] & 0x0F
    return int.from_bytes(
        data[position + 1 : position + 1 + length], "little"
    ), position + 1 + length
