"""A small age model and its checkpoint."""

from pathlib import Path

import torch

from faceage_core.cards.crops import BoxCrop
from faceage_core.cards.input import InputSpec
from faceage_core.cards.model_card import AgeCard, HeadSpec
from faceage_core.models.age_network import AGE_BINS, build_network
from faceage_core.models.checkpoint import save_checkpoint

SIZE_PX = 32
_HEADS = (HeadSpec(task="age", outputs=AGE_BINS),)


def age_card() -> AgeCard:
    """The card of a ResNet-18 with an age head."""
    crop = BoxCrop(size_px=SIZE_PX, margin_px=0)
    return AgeCard(
        name="tiny",
        version="1",
        summary="for tests",
        architecture="resnet18",
        weights=(),
        origin="made here",
        license="CC0-1.0",
        input=InputSpec(crop=crop, mean=(127, 127, 127), scale=(0.01, 0.01, 0.01)),
        heads=_HEADS,
        age_bins_years=tuple(float(age) for age in range(AGE_BINS)),
    )


def save_age_checkpoint(directory: Path, card: AgeCard | None = None, *, seed: int = 3) -> AgeCard:
    """Save seeded weights without an ONNX file, as earlier versions did; return the card."""
    torch.manual_seed(seed)
    state = build_network("resnet18", _HEADS).state_dict()
    return save_checkpoint(directory, state, card or age_card())
