"""Networks without their classifiers, from a picture to features: one function and one line each.

What makes a network out of one is `faceage_core.models.age_network`.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torchvision.models
from facenet_pytorch import InceptionResnetV1
from torch import nn
from torchvision.models.resnet import BasicBlock


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


def _resnet18_small() -> nn.Module:
    """ResNet-18 for pictures of 64 to 80 pixels: 40-320 channels, 4 million parameters.

    As its authors did for small pictures, the stem is one 3 x 3 convolution without pooling; here
    it halves the picture. Before it every channel of a picture is brought to mean 0 and deviation 1
    (Ulyanov et al., "Instance Normalization", 2016), so that neither exposure nor a colour cast
    looks like an age.
    """
    widths = (40, 80, 160, 320)
    blocks: OrderedDict[str, nn.Module] = OrderedDict(
        even=nn.InstanceNorm2d(3),
        conv=nn.Conv2d(3, widths[0], 3, stride=2, padding=1, bias=False),
        norm=nn.BatchNorm2d(widths[0]),
        relu=nn.ReLU(inplace=True),
    )
    before = widths[0]
    for number, width in enumerate(widths, 1):
        shortcut = None
        if width != before:
            shortcut = nn.Sequential(
                nn.Conv2d(before, width, 1, stride=2, bias=False), nn.BatchNorm2d(width)
            )
        blocks[f"layer{number}"] = nn.Sequential(
            BasicBlock(before, width, 1 if shortcut is None else 2, shortcut),
            BasicBlock(width, width),
        )
        before = width
    blocks.update(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten())
    network = nn.Sequential(blocks)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network


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
    "resnet18_small": Backbone(_resnet18_small, 320),
    "resnet50": Backbone(_resnet50, 2048),
    "vgg16": Backbone(_vgg16, 512, ("classifier.",)),
}
