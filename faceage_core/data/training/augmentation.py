"""Augmentation presets for training images.

An augmentation maps [3, H, W] to [3, S, S], both uint8 RGB. A new preset takes one function and one
line of `PRESETS`.
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
    """torchvision's bilinear rotation of a square image, equal to one level of 255.

    Corners become black. Computing the sampling grid here takes half of torchvision's time.
    """

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        side, angle = inpt.shape[-1], math.radians(params["angle"])
        x = torch.arange(1 - side, side, 2, dtype=torch.float32) / side  # pixel centres
        y = x[:, None]
        grid = torch.empty(1, side, side, 2)
        torch.sub(x * math.cos(angle), y * math.sin(angle), out=grid[0, ..., 0])
        torch.add(x * math.sin(angle), y * math.cos(angle), out=grid[0, ..., 1])
        rotated = grid_sample(inpt[None].to(torch.float32), grid, align_corners=False)
        return rotated[0].add_(0.5).to(torch.uint8)


@dataclass(frozen=True)
class Preset:
    """An augmentation, with the network input that it is meant for.

    Attributes:
        build: takes the side S in pixels and returns the augmentation.
        size_px: the default side.
        mean: for the card's InputSpec, in levels of 0-255.
        scale: for the card's InputSpec: the input is (pixel - mean) * scale.
        center: the middle part of an image's side that validation and serving use. Random crops
            show faces larger than whole images do (Touvron et al., "Fixing the train-test
            resolution discrepancy", 2019), and photos from other sources are estimated more
            accurately at that size.
    """

    build: Callable[[int], Augment]
    size_px: int
    mean: Channels
    scale: Channels
    center: float = 1.0


def _none(size_px: int) -> Augment:
    """No augmentation, for validation."""
    return _compose(v2.Resize((size_px, size_px), antialias=True))


def _standard(size_px: int) -> Augment:
    return _compose(
        v2.RandomResizedCrop(size_px, scale=(0.8, 1.0), antialias=True),
        v2.RandomHorizontalFlip(0.5),
        Rotation(10),
        ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.05),
    )


def _imagenet_128(size_px: int) -> Augment:
    return _compose(
        v2.Resize((size_px, size_px), antialias=True),
        Rotation(15),
    )


def _varied(size_px: int) -> Augment:
    """Stronger, for training from random weights on few images; without hue, which is slow.

    Sharpness and noise are varied too, because a network can mistake noise for wrinkles.
    """
    return _compose(
        v2.RandomResizedCrop(size_px, scale=(0.7, 1.0), ratio=(0.87, 1.15), antialias=True),
        v2.RandomHorizontalFlip(0.5),
        Rotation(10),
        ColorJitter(brightness=0.3, contrast=0.3, saturation=0.3),
        v2.RandomGrayscale(0.15),
        v2.RandomApply([SharpnessJitter(0.0, 3.0)], 0.3),
        v2.RandomApply([v2.GaussianNoise(sigma=0.03)], 0.15),
        v2.RandomErasing(0.2, scale=(0.02, 0.2), value=128),
    )


def _compose(*steps: Augment) -> Augment:
    augment: Augment = v2.Compose(steps)
    return augment


PRESETS = {
    "none": Preset(_none, 160, _FACENET_MEAN, _FACENET_SCALE),
    "standard": Preset(_standard, 160, _FACENET_MEAN, _FACENET_SCALE),
    "varied": Preset(_varied, 128, _FACENET_MEAN, _FACENET_SCALE, center=0.94),
    "imagenet_128": Preset(_imagenet_128, 128, _IMAGENET_MEAN, _IMAGENET_SCALE),
}


def find_preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        InvalidArgument: the name is unknown.
    """
    if name not in PRESETS:
        raise InvalidArgument(
            f"augmentation must be one of {', '.join(PRESETS)}, got {name!r}", field="augmentation"
        )
    return PRESETS[name]


def derive_seed(*key: int) -> int:
    """A seed of 32 bits from several numbers, such as a seed, an epoch and an index."""
    return int(np.random.SeedSequence(key).generate_state(1)[0])


@contextmanager
def seeded_random(*key: int) -> Iterator[None]:
    """Seed torch's CPU generator with the key, and restore its state when the block ends.

    torchvision's transforms use torch's global generator. `torch.random.fork_rng` does the same,
    but takes a hundred times as long because it saves the state of every device.
    """
    generator = torch.default_generator
    state = generator.get_state()
    generator.manual_seed(derive_seed(*key))
    try:
        yield
    finally:
        generator.set_state(state)
