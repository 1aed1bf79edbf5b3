"""What a training starts from: published weights by name, a file, a checkpoint, or nothing.

Published weights are loaded only if they are the ones expected: FaceNet's by the sha256 in the
shipped card, ImageNet's by the hash that torchvision puts in their names. Nothing else stands in
for weights that cannot be had.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import torchvision.models
from torch import Tensor, nn

from faceage_core.cards.schema import shipped_card
from faceage_core.errors import InvalidArgument, WeightsUnavailable
from faceage_core.models.age_network import AgeNetwork
from faceage_core.models.backbones import BACKBONES
from faceage_core.models.checkpoint import load_checkpoint, load_into, load_state_dict
from faceage_core.models.download import Progress, sha256_of
from faceage_core.pipeline.loading import obtain

_CASIA = (
    "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
    "20180408-102900-casia-webface.pt"
)
_IMAGENET = {
    "resnet18": "ResNet18_Weights.IMAGENET1K_V1",
    "resnet50": "ResNet50_Weights.IMAGENET1K_V1",
    "vgg16": "VGG16_Weights.IMAGENET1K_V1",
}


@dataclass(frozen=True)
class Origin:
    """What the card says of the weights a training started from.

    Attributes:
        name: as the recipe names them, without a path's folders.
        license: their terms, in words.
        sha256: of the file; None where there is none.
    """

    name: str
    license: str
    sha256: str | None = None


def initialise(
    network: AgeNetwork, backbone: str, weights: str, *, progress: Progress | None = None
) -> Origin:
    """Give a network the weights that a recipe names.

    Args:
        network: changed in place; "none" leaves it with the random weights it has.
        backbone: the name of its backbone.
        weights: none, vggface2, casia-webface, imagenet, or a path: of a checkpoint's directory,
            whose heads are taken too where they fit, or of a file with the backbone's state dict.
        progress: of a download.

    Raises:
        InvalidArgument: there are no such weights for this backbone.
        WeightsUnavailable: they cannot be had; the message says how to supply them.
        WeightsMismatch: they are damaged, others than expected, or of another network.
        InvalidCheckpoint: the checkpoint is damaged.
    """
    if weights == "none":
        return Origin("none", "none: random weights")
    if weights in ("vggface2", "casia-webface"):
        return _facenet(network, backbone, weights, progress)
    if weights == "imagenet":
        return _imagenet(network, backbone)
    path = Path(weights)
    return _checkpoint(network, path) if path.is_dir() else _file(network, backbone, path)


def _facenet(network: AgeNetwork, backbone: str, weights: str, progress: Progress | None) -> Origin:
    _require_backbone(backbone, {"inception_resnet_v1"}, weights)
    if weights == "casia-webface":
        raise WeightsUnavailable(
            f"no digest of the casia-webface weights is known, so they are not fetched: get "
            f"{_CASIA} and give its path as network.weights"
        )
    card = shipped_card("facenet-vggface2")
    (path,) = obtain(card, progress=progress)
    _load(network.backbone, backbone, load_state_dict(path), path.name)
    return Origin(weights, card.license, card.weights[0].sha256)


def _imagenet(network: AgeNetwork, backbone: str) -> Origin:
    _require_backbone(backbone, set(_IMAGENET), "imagenet")
    published = torchvision.models.get_weight(_IMAGENET[backbone])
    try:
        state: dict[str, Tensor] = published.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError) as error:
        raise WeightsUnavailable(
            f"the imagenet weights cannot be fetched ({getattr(error, 'reason', error)}): get "
            f"{published.url} on a machine that can, and give its path as network.weights"
        ) from None
    except RuntimeError as error:  # torch.hub's hash check
        raise WeightsUnavailable(f"the imagenet weights were not used: {error}") from None
    _load(network.backbone, backbone, state, published.url.rpartition("/")[2])
    return Origin(
        "imagenet",
        "BSD-3-Clause (torchvision); trained on ImageNet, whose terms allow non-commercial "
        "research only",
    )


def _checkpoint(network: AgeNetwork, path: Path) -> Origin:
    card, state = load_checkpoint(path)
    own = network.state_dict()
    heads = {name for name in own if name.startswith("heads.")}
    if any(name not in state or state[name].shape != own[name].shape for name in heads):
        # Other heads, such as other bins: the backbone alone is taken.
        prefix = "backbone."
        backbone = {
            name.removeprefix(prefix): value
            for name, value in state.items()
            if name.startswith(prefix)
        }
        load_into(network.backbone, backbone, source=path.name)
    else:
        load_into(network, state, source=path.name)
    return Origin(f"{card.name} {card.version}", card.license, card.weights[0].sha256)


def _file(network: AgeNetwork, backbone: str, path: Path) -> Origin:
    if not path.is_file():
        raise InvalidArgument(
            f"network.weights must be none, vggface2, casia-webface, imagenet or a path; there is "
            f"no {path}",
            field="network.weights",
        )
    _load(network.backbone, backbone, load_state_dict(path), path.name)
    return Origin(path.name, "of a file that the user supplied: unknown", sha256_of(path))


def _load(module: nn.Module, backbone: str, state: dict[str, Tensor], source: str) -> None:
    load_into(module, state, source=source, ignore=BACKBONES[backbone].classifier)


def _require_backbone(backbone: str, having: set[str], weights: str) -> None:
    if backbone not in having:
        raise InvalidArgument(
            f"there are no {weights} weights for {backbone}, only for {', '.join(sorted(having))}",
            field="network.weights",
        )
