"""Small networks and their inputs for the tests of the engines."""

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from faceage_core.inference.engine import Engine
from faceage_core.models.export import export_onnx


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


def exported(size_px: int | None = 20) -> bytes:
    """The network as an ONNX file, for inputs of one size or of any size."""
    example = torch.zeros(1, 3, size_px or 24, size_px or 24)
    return export_onnx(seeded(), example, dynamic_size=size_px is None)


def fixed_batch_model() -> bytes:
    """The same network for inputs of 20 pixels, with a batch axis of 1."""
    model = onnx.load_from_string(exported())
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    return bytes(model.SerializeToString())


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
