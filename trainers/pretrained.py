"""Initial weights of a training: published weights by name, a file, a checkpoint, or none.

Published weights are verified: FaceNet's by the sha256 in the shipped card, ImageNet's by the hash
in torchvision's file names. If weights are unavailable, the training fails; it never falls back to
other weights.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import torchvision.models
from torch import Tensor, nn

from faceage_core.cards.catalog import shipped_card
from faceage_core.errors import InvalidArgument, WeightsUnavailable
from faceage_core.models.age_network import AgeNetwork
from faceage_core.models.backbones import BACKBONES
from faceage_core.models.checkpoint import load_checkpoint, load_into, load_state_dict
from faceage_core.models.download import Progress, sha256_of
from faceage_core.models.weights import resolve_weights


@dataclass(frozen=True)
class Origin:
    """The origin of a training's initial weights, as the card records it.

    Attributes:
        name: as in the recipe; of a path only the last part.
        license: the terms of the weights.
        sha256: of the file; None if unknown or without a file.
    """

    name: str
    license: str
    sha256: str | None = None


def initialise(
    network: AgeNetwork, backbone: str, weights: str, *, progress: Progress | None = None
) -> Origin:
    """Load the initial weights that a recipe names into a network.

    Args:
        network: changed in place; "none" keeps its random weights.
        backbone: the name of its backbone.
        weights: a name of `PUBLISHED`, or a path: a checkpoint's directory, whose heads are loaded
            too if they fit, or a file with the backbone's state dict.
        progress: called during a download.

    Raises:
        InvalidArgument: unknown weights, or no such weights for this backbone.
        WeightsUnavailable: the weights could not be downloaded; the message names the URL.
        WeightsMismatch: the weights are damaged, not the expected ones, or of another network.
        InvalidCheckpoint: the checkpoint is damaged.
    """
    if weights in PUBLISHED:
        return PUBLISHED[weights](network, backbone, progress)
    path = Path(weights)
    return _checkpoint(network, path) if path.is_dir() else _file(network, backbone, path)


def _random(network: AgeNetwork, backbone: str, progress: Progress | None) -> Origin:
    return Origin("none", "none: random weights")


def _vggface2(network: AgeNetwork, backbone: str, progress: Progress | None) -> Origin:
    card = shipped_card("facenet-vggface2")
    _require_backbone(backbone, [card.architecture], "vggface2")
    (path,) = resolve_weights(card, progress=progress)
    _load(network.backbone, backbone, load_state_dict(path), path.name)
    return Origin("vggface2", card.license, card.weights[0].sha256)


def _imagenet(network: AgeNetwork, backbone: str, progress: Progress | None) -> Origin:
    names = {name: entry.imagenet for name, entry in BACKBONES.items() if entry.imagenet}
    _require_backbone(backbone, names, "imagenet")
    published = torchvision.models.get_weight(names[backbone])
    try:
        state: dict[str, Tensor] = published.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError) as error:
        raise WeightsUnavailable(
            f"the imagenet weights could not be downloaded ({getattr(error, 'reason', error)}): "
            f"download {published.url} by other means and give its path as network.weights",
            field="network.weights",
        ) from None
    except RuntimeError as error:  # torch.hub's hash check
        raise WeightsUnavailable(f"the imagenet weights are not valid: {error}") from None
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
        # Different heads, such as other bins: load the backbone only.
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
            f"network.weights must be {', '.join(PUBLISHED)} or an existing path, got {path}",
            field="network.weights",
        )
    _load(network.backbone, backbone, load_state_dict(path), path.name)
    return Origin(path.name, "unknown: supplied by the user", sha256_of(path))


def _load(module: nn.Module, backbone: str, state: dict[str, Tensor], source: str) -> None:
    load_into(module, state, source=source, ignore=BACKBONES[backbone].classifier)


def _require_backbone(backbone: str, supported: Collection[str], weights: str) -> None:
    if backbone not in supported:
        raise InvalidArgument(
            f"there are no {weights} weights for {backbone}, only for "
            f"{', '.join(sorted(supported))}",
            field="network.weights",
        )


PUBLISHED: dict[str, Callable[[AgeNetwork, str, Progress | None], Origin]] = {
    "none": _random,
    "vggface2": _vggface2,
    "imagenet": _imagenet,
}
