"""The features of the backbones."""

import numpy as np
import pytest
import torch
from torch import Tensor

from faceage_core.cards.model_card import HeadSpec
from faceage_core.inference.engine import load_engine
from faceage_core.inference.runtime import EngineName, Runtime
from faceage_core.models.age_network import AgeNetwork, Probabilities, build_network
from faceage_core.models.backbones import BACKBONES
from faceage_core.models.export import export_onnx
from faceage_core.models.heads import HEADS


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    return torch.rand(2, 3, 80, 80, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_returns_the_stated_number_of_features(name: str, pictures: Tensor) -> None:
    with torch.no_grad():
        features = BACKBONES[name].build().eval()(pictures)
    assert features.shape == (2, BACKBONES[name].features)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_engine_runs_an_age_network(name: str, pictures: Tensor) -> None:
    torch.manual_seed(0)
    age, gender = list(HEADS)[1:]
    one_output = name == "resnet18_small"
    heads = (
        HeadSpec(task="age", kind=age, outputs=1 if one_output else 101),
        HeadSpec(task="gender", kind=gender, outputs=1),
    )
    built = build_network(name, heads)
    assert isinstance(built, AgeNetwork)
    network = Probabilities(built).eval()
    model = export_onnx(network, torch.zeros(1, 3, 80, 80))
    with torch.no_grad():
        expected = network(pictures).numpy()
    engines: tuple[EngineName, ...] = ("openvino", "onnxruntime", "torch")
    for engine in engines:
        runtime = Runtime(engine, precision="fp32")
        (found,) = load_engine(model, name=name, size_px=80, runtime=runtime)(pictures.numpy())
        np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=engine)


def test_the_small_resnet_ignores_exposure_and_colour_casts(pictures: Tensor) -> None:
    network = BACKBONES["resnet18_small"].build().eval()
    gain = torch.tensor([0.4, 0.9, 1.3]).view(3, 1, 1)
    offset = torch.tensor([0.2, -0.1, 0.3]).view(3, 1, 1)
    with torch.no_grad():
        plain, cast = network(pictures), network(pictures * gain + offset)
        turned = network(pictures.flip(2))
    torch.testing.assert_close(plain, cast, rtol=1e-3, atol=1e-4)
    assert not torch.allclose(plain, turned, rtol=1e-2)


def test_the_stem_of_the_small_resnet_halves_the_resolution_once(pictures: Tensor) -> None:
    network = BACKBONES["resnet18_small"].build().eval()
    sides = []
    for name in ("relu", "layer1", "layer2", "layer3", "layer4"):
        network.get_submodule(name).register_forward_hook(
            lambda _module, _given, out: sides.append(tuple(out.shape[1:]))
        )
    with torch.no_grad():
        network(pictures)
    assert sides == [(40, 40, 40), (40, 40, 40), (80, 20, 20), (160, 10, 10), (320, 5, 5)]
