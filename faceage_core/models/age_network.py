"""From a card's words to a network: a backbone, alone or with heads on it."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from faceage_core.cards.schema import HeadSpec, ModelCard
from faceage_core.errors import InvalidCheckpoint
from faceage_core.models.backbones import BACKBONES
from faceage_core.models.heads import HEADS, build_head

AGE_BINS = 101  # one for each of the ages 0-100


class Outputs(NamedTuple):
    """What the heads say, before any softmax.

    Attributes:
        age: [N, K] logits, or [N, 1] years.
        gender: [N, 1] the logit of "male"; None without such a head.
        race: [N, R] logits; None without such a head.
    """

    age: Tensor
    gender: Tensor | None
    race: Tensor | None


class AgeNetwork(nn.Module):
    """A backbone with a head over ages and perhaps others: [N, 3, S, S] to `Outputs`."""

    def __init__(self, backbone: str, heads: tuple[HeadSpec, ...]) -> None:
        super().__init__()
        entry = BACKBONES[backbone]
        self.backbone = entry.build()
        self.heads = nn.ModuleDict({head.task: build_head(head, entry.features) for head in heads})

    def forward(self, images: Tensor) -> Outputs:
        features = self.backbone(images)
        answers = {task: head(features) for task, head in self.heads.items()}
        return Outputs(answers["age"], answers.get("gender"), answers.get("race"))


class Probabilities(nn.Module):
    """An age network as it serves: [N, 3, S, S] to [N, K + 2], or [N, K] without a gender head.

    The first K columns are the probabilities of the ages 0 to K - 1, the last two those of "female"
    and "male"; the card's bins name them. What a race head says is not served.
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
    """A distribution over ages from what an age head says.

    Args:
        output: [N, K] logits; or [N, 1] years, of which the two nearest whole ages get the shares
            that make it the expectation.

    Returns:
        [N, K] float32, with K = 101 for years; rows sum to 1.
    """
    if output.shape[1] > 1:
        return functional.softmax(output.float(), dim=1)
    ages = torch.arange(AGE_BINS, dtype=torch.float32, device=output.device)
    years = output.float().clamp(0, AGE_BINS - 1)
    return (1 - (years - ages).abs()).clamp(min=0)


def age_bins(heads: tuple[HeadSpec, ...]) -> tuple[float, ...]:
    """The ages in years that the served columns stand for."""
    (outputs,) = [head.outputs for head in heads if head.task == "age"]
    return tuple(float(age) for age in range(outputs if outputs > 1 else AGE_BINS))


def build_network(card: ModelCard) -> nn.Module:
    """The card's network with fresh weights, in evaluation mode.

    Raises:
        InvalidCheckpoint: the card names a backbone or a head that there is not.
    """
    if card.architecture not in BACKBONES:
        raise InvalidCheckpoint(
            f"{card.name}: architecture {card.architecture!r} is not one of {', '.join(BACKBONES)}"
        )
    if unknown := [head.kind for head in card.heads if head.kind not in HEADS]:
        raise InvalidCheckpoint(
            f"{card.name}: head {unknown[0]!r} is not one of {', '.join(HEADS)}"
        )
    if not card.heads:
        return BACKBONES[card.architecture].build().eval()
    if [head.task for head in card.heads].count("age") != 1:
        raise InvalidCheckpoint(f"{card.name}: heads must hold one for age")
    return AgeNetwork(card.architecture, card.heads).eval()
