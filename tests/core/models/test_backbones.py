"""The features of the backbones."""

import pytest
import torch
from torch import Tensor

from faceage_core.models.backbones import BACKBONES


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    return torch.rand(2, 3, 80, 80, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_returns_the_stated_number_of_features(name: str, pictures: Tensor) -> None:
    with torch.no_grad():
        features = BACKBONES[name].build().eval()(pictures)
    assert features.shape == (2, BACKBONES[name].features)


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
