"""The loss of a training step: the weighted sum of all heads' losses, one value per image."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from faceage_core.data.training.dataset import Targets
from faceage_core.models.age_network import Outputs
from trainers.losses import LOSSES, LossSettings
from trainers.recipe import LossRecipe


@dataclass(frozen=True)
class MultiTaskLoss:
    """The loss that a recipe describes, as a callable."""

    recipe: LossRecipe

    def __call__(self, outputs: Outputs, targets: Targets, weights: Tensor | None) -> Tensor:
        """The loss of each image.

        Args:
            outputs: of the network.
            targets: the labels; a gender or race of -1 (unknown) contributes nothing.
            weights: [N] weights of the age loss, or None for 1.

        Returns:
            [N] float32.
        """
        recipe = self.recipe
        settings = LossSettings(
            recipe.sigma_years, recipe.expectation_weight, recipe.variance_weight
        )
        age = LOSSES[recipe.age](outputs.age, targets.age_years, settings)
        loss = recipe.age_weight * (age if weights is None else age * weights)
        if outputs.gender is not None:
            loss = loss + recipe.gender_weight * _gender_loss(outputs.gender, targets.gender)
        if outputs.race is not None:
            loss = loss + recipe.race_weight * functional.cross_entropy(
                outputs.race.float(), targets.race, reduction="none", ignore_index=-1
            )
        return loss


def _gender_loss(logits: Tensor, gender: Tensor) -> Tensor:
    """[N] binary cross-entropy of "male" (code 1); 0 where the gender is unknown."""
    known = (gender >= 0).float()
    loss = functional.binary_cross_entropy_with_logits(
        logits[:, 0].float(), gender.clamp(min=0).float(), reduction="none"
    )
    return torch.mul(loss, known)
