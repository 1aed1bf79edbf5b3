"""Networks built from a backbone: the backbone alone, or with heads for age, gender and race."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from faceage_core.cards.model_card import HeadSpec
from faceage_core.errors import InvalidCheckpoint
from faceage_core.models.backbones import BACKBONES
from faceage_core.models.heads import HEADS, build_head

AGE_BINS = 101  # the ages 0-100


class Outputs(NamedTuple):
    """The outputs of the heads, before any softmax.

    Attributes:
        age: [N, K] logits, or [N, 1] years.
        gender: [N, 1] the logit of "male"; None without a gender head.
        race: [N, R] logits; None without a race head.
    """

    age: Tensor
    gender: Tensor | None
    race: Tensor | None


class AgeNetwork(nn.Module):
    """A backbone with an age head and optional other heads: [N, 3, S, S] to `Outputs`."""

    def __init__(self, backbone: str, heads: tuple[HeadSpec, ...]) -> None:
        super().__init__()
        entry = BACKBONES[backbone]
        self.backbone = entry.build()
        self.heads = nn.ModuleDict({head.task: build_head(head, entry.features) for head in heads})

    def forward(self, images: Tensor) -> Outputs:
        features = self.backbone(images)
        outputs = {task: head(features) for task, head in self.heads.items()}
        return Outputs(outputs["age"], outputs.get("gender"), outputs.get("race"))


class Probabilities(nn.Module):
    """An age network for serving: [N, 3, S, S] to [N, K + 2], or [N, K] without a gender head.

    The first K columns are the probabilities of the ages 0 to K - 1, the last two those of "female"
    and "male"; the card's bins name them. The output of a race head is dropped.
    """

    def __init__(self, network: AgeNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        outputs = self.network(images)
        columns = [age_probabilities(outputs.age)]
        if outputs.gender is not None:
            male = torch.sigmoid(outputs.gender)
            columns += [1 - male, male]
        return torch.cat(columns, dim=1)


def age_probabilities(output: Tensor) -> Tensor:
    """A distribution over ages from the output of an age head.

    Args:
        output: [N, K] logits; or [N, 1] years, which become a distribution over the two nearest
            whole ages with that expectation.

    Returns:
        [N, K] float32, with K = 101 for years; rows sum to 1.
    """
    if output.shape[1] > 1:
        return functional.softmax(output.float(), dim=1)
    ages = torch.arange(AGE_BINS, dtype=torch.float32, device=output.device)
    years = output.float().clamp(0, AGE_BINS - 1)
    return (1 - (years - ages).abs()).clamp(min=0)


def age_bins(heads: tuple[HeadSpec, ...]) -> tuple[float, ...]:
    """The age in years that each column of `Probabilities` stands for."""
    (outputs,) = [head.outputs for head in heads if head.task == "age"]
    return tuple(float(age) for age in range(outputs if outputs > 1 else AGE_BINS))


def build_network(architecture: str, heads: tuple[HeadSpec, ...] = ()) -> nn.Module:
    """A network with fresh weights, in evaluation mode.

    Args:
        architecture: the name of a backbone.
        heads: on the backbone; none: the backbone itself is the network.

    Raises:
        InvalidCheckpoint: unknown backbone or head, or heads without exactly one for age.
    """
    if architecture not in BACKBONES:
        raise InvalidCheckpoint(
            f"architecture {architecture!r} is not one of {', '.join(BACKBONES)}"
        )
    if unknown := [head.kind for head in heads if head.kind not in HEADS]:
        raise InvalidCheckpoint(f"head {unknown[0]!r} is not one of {', '.join(HEADS)}")
    if not heads:
        return BACKBONES[architecture].build().eval()
    if [head.task for head in heads].count("age") != 1:
        raise InvalidCheckpoint("heads must contain exactly one age head")
    return AgeNetwork(architecture, heads).eval()
