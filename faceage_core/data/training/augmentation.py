"""How training pictures are varied.

Everything here works on uint8 RGB tensors, [3, H, W] before and [3, S, S] after. Another preset is
one function and one line of `PRESETS`.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample
from torchvision.transforms import v2

from faceage_core.data.training.jitter import ColorJitter, SharpnessJitter
from faceage_core.errors import InvalidArgument

Augment = Callable[[Tensor], Tensor]
Channels = tuple[float, float, float]

_IMAGENET_MEAN: Channels = (0.485 * 255, 0.456 * 255, 0.406 * 255)
_IMAGENET_SCALE: Channels = (1 / (0.229 * 255), 1 / (0.224 * 255), 1 / (0.225 * 255))
_FACENET_MEAN: Channels = (127.5, 127.5, 127.5)
_FACENET_SCALE: Channels = (1 / 128, 1 / 128, 1 / 128)


class Rotation(v2.RandomRotation):  # type: ignore[misc]  # torchvision has no types
    """torchvision's bilinear rotation of a square, to one level of 255; corners become black.

    Only where the pixels come from is computed anew, as it takes half the time there.
    """

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        side, angle = inpt.shape[-1], math.radians(params["angle"])
        x = torch.arange(1 - side, side, 2, dtype=torch.float32) / side  # of the pixels' middles
        y = x[:, None]
        origin = torch.empty(1, side, side, 2)
        torch.sub(x * math.cos(angle), y * math.sin(angle), out=origin[0, ..., 0])
        torch.add(x * math.sin(angle), y * math.cos(angle), out=origin[0, ..., 1])
        turned = grid_sample(inpt[None].to(torch.float32), origin, align_corners=False)
        return turned[0].add_(0.5).to(torch.uint8)


@dataclass(frozen=True)
class Preset:
    """A way to vary training pictures, with the input that it was published for.

    Attributes:
        build: from the side S in pixels to the function that varies a picture.
        size_px: the usual side.
        mean: for the card's InputSpec, in levels of 0-255.
        scale: likewise: (pixel - mean) * scale.
        center: the middle part of a picture's side that validation and serving look at. Random
            parts of a picture show faces larger than the whole picture does (Touvron et al.,
            "Fixing the train-test resolution discrepancy", 2019), and other people's photos are
            read better at that size.
    """

    build: Callable[[int], Augment]
    size_px: int
    mean: Channels
    scale: Channels
    center: float = 1.0


def _none(size_px: int) -> Augment:
    """Nothing random: what validation sees."""
    return _in_turn(v2.Resize((size_px, size_px), antialias=True))


def _mission(size_px: int) -> Augment:
    return _in_turn(
        v2.RandomResizedCrop(size_px, scale=(0.8, 1.0), antialias=True),
        v2.RandomHorizontalFlip(0.5),
        Rotation(10),
        ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.05),
    )


def _imagenet_128(size_px: int) -> Augment:
    return _in_turn(
        v2.Resize((size_px, size_px), antialias=True),
        Rotation(15),
    )


def _varied(size_px: int) -> Augment:
    """For training from random weights on few pictures: stronger, and without the slow hue.

    Sharpness and grain are varied too: else a network takes a photo's grain for wrinkles.
    """
    return _in_turn(
        v2.RandomResizedCrop(size_px, scale=(0.7, 1.0), ratio=(0.87, 1.15), antialias=True),
        v2.RandomHorizontalFlip(0.5),
        Rotation(10),
        ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3),
        v2.RandomGrayscale(0.15),
        v2.RandomApply([SharpnessJitter(0.0, 3.0)], 0.3),
        v2.RandomApply([v2.GaussianNoise(sigma=0.03)], 0.15),
        v2.RandomErasing(0.2, scale=(0.02, 0.2), value=128),
    )


def _in_turn(*steps: Augment) -> Augment:
    composed: Augment = v2.Compose(steps)
    return composed


PRESETS = {
    "none": Preset(_none, 160, _FACENET_MEAN, _FACENET_SCALE),
    "mission": Preset(_mission, 160, _FACENET_MEAN, _FACENET_SCALE),
    "varied": Preset(_varied, 128, _FACENET_MEAN, _FACENET_SCALE, center=0.94),
    "imagenet_128": Preset(_imagenet_128, 128, _IMAGENET_MEAN, _IMAGENET_SCALE),
}


def find_preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        InvalidArgument: there is none.
    """
    if name not in PRESETS:
        raise InvalidArgument(f"augmentation must be one of {', '.join(PRESETS)}, got {name!r}")
    return PRESETS[name]


@contextmanager
def drawing_from(*key: int) -> Iterator[None]:
    """Within it, torch draws on the CPU as the key alone says; afterwards, as if nothing had been.

    torchvision's transforms draw from torch's global generator. `torch.random.fork_rng` would do
    the same at a hundred times the cost, as it looks after every device.
    """
    seed = int(np.random.SeedSequence(key).generate_state(1)[0])
    generator = torch.default_generator
    state = generator.get_state()
    generator.manual_seed(seed)
    try:
        yield
    finally:
        generator.set_state(state)
