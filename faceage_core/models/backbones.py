"""Backbones: networks without a classifier, from an image to features.

Each is one function with a line that registers it. `faceage_core.models.age_network` puts heads on
them; `faceage_core.models.registry` loads them.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torchvision.models
from facenet_pytorch import InceptionResnetV1
from torch import nn
from torchvision.models.resnet import BasicBlock

BuildModule = Callable[[], nn.Module]


@dataclass(frozen=True)
class Backbone:
    """A registered backbone.

    Attributes:
        build: creates the module from [N, 3, S, S] to [N, features], with fresh weights.
        features: the number of features.
        classifier: name prefixes of the classifier's parameters in a published state dict.
        imagenet: torchvision's name of its ImageNet weights, None if there are none.
    """

    build: BuildModule
    features: int
    classifier: tuple[str, ...] = ("fc.",)
    imagenet: str | None = None


BACKBONES: dict[str, Backbone] = {}


def backbone(
    name: str,
    *,
    features: int,
    classifier: tuple[str, ...] = ("fc.",),
    imagenet: str | None = None,
) -> Callable[[BuildModule], BuildModule]:
    """Register the decorated function as a backbone; the arguments are those of `Backbone`.

    Raises:
        ValueError: the name is already registered.
    """

    def register(build: BuildModule) -> BuildModule:
        if name in BACKBONES:
            raise ValueError(f"backbone {name!r} is already registered")
        BACKBONES[name] = Backbone(build, features, classifier, imagenet)
        return build

    return register


@backbone("inception_resnet_v1", features=512, classifier=("logits.",))
def _inception_resnet_v1() -> nn.Module:
    """Szegedy et al. 2017 in the version of FaceNet; its features are an embedding of length 1."""
    module: nn.Module = InceptionResnetV1()
    return module


@backbone("resnet18", features=512, imagenet="ResNet18_Weights.IMAGENET1K_V1")
def _resnet18() -> nn.Module:
    """He et al., "Deep Residual Learning for Image Recognition", 2016; 11 million parameters."""
    return _without_classifier(torchvision.models.resnet18())


@backbone("resnet18_small", features=320)
def _resnet18_small() -> nn.Module:
    """ResNet-18 for images of 64 to 80 pixels: 40-320 channels, 4 million parameters.

    As its authors did for small images, the stem is one 3 x 3 convolution without pooling; here it
    halves the resolution. Before it, every channel of an image is normalised to mean 0 and standard
    deviation 1 (Ulyanov et al., "Instance Normalization", 2016), so that exposure and colour casts
    do not influence the age.
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


@backbone("resnet50", features=2048, imagenet="ResNet50_Weights.IMAGENET1K_V1")
def _resnet50() -> nn.Module:
    """ResNet-18's design with 50 layers (He et al. 2016); 24 million parameters."""
    return _without_classifier(torchvision.models.resnet50())


@backbone(
    "vgg16", features=512, classifier=("classifier.",), imagenet="VGG16_Weights.IMAGENET1K_V1"
)
def _vgg16() -> nn.Module:
    """The convolutions of Simonyan and Zisserman 2015, averaged over the image."""
    return nn.Sequential(
        OrderedDict(  # the names of a published state dict
            features=torchvision.models.vgg16().features,
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
        )
    )


def _without_classifier(resnet: torchvision.models.ResNet) -> nn.Module:
    resnet.fc = nn.Identity()
    module: nn.Module = resnet
    return module
