"""Networks without their classifiers, from a picture to features: one function and one line each.

What makes a network out of one is `faceage_core.architectures`.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torchvision.models
from facenet_pytorch import InceptionResnetV1
from torch import nn


@dataclass(frozen=True)
class Backbone:
    """A way to build a backbone, with fresh weights.

    Attributes:
        build: to a module from [N, 3, S, S] to [N, features].
        features: how many there are.
        classifier: prefixes of what a published state dict holds beside the backbone.
    """

    build: Callable[[], nn.Module]
    features: int
    classifier: tuple[str, ...] = ("fc.",)


def _resnet18() -> nn.Module:
    """He et al., "Deep Residual Learning for Image Recognition", 2016; 11 million parameters."""
    return _headless(torchvision.models.resnet18())


def _resnet50() -> nn.Module:
    """The same with 50 layers; 24 million parameters."""
    return _headless(torchvision.models.resnet50())


def _headless(resnet: torchvision.models.ResNet) -> nn.Module:
    resnet.fc = nn.Identity()
    module: nn.Module = resnet
    return module


def _vgg16() -> nn.Module:
    """The convolutions of Simonyan and Zisserman 2015, averaged over the picture."""
    return nn.Sequential(
        OrderedDict(  # named as a published state dict names them
            features=torchvision.models.vgg16().features,
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
        )
    )


BACKBONES: dict[str, Backbone] = {
    # Szegedy et al. 2017 in the version of FaceNet; embeds, and its 512 features have length 1
    "inception_resnet_v1": Backbone(InceptionResnetV1, 512, ("logits.",)),
    "resnet18": Backbone(_resnet18, 512),
    "resnet50": Backbone(_resnet50, 2048),
    "vgg16": Backbone(_vgg16, 512, ("classifier.",)),
}
