"""What a step minimises: the weighted losses of all heads, picture by picture."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from faceage_core.data.training.dataset import Targets
from faceage_core.models.age_network import Outputs
from trainers.losses import LOSSES, LossSettings
from trainers.recipe import LossRecipe


@dataclass(frozen=True)
class Objective:
    """The recipe's loss, ready to be called."""

    recipe: LossRecipe

    def __call__(self, outputs: Outputs, targets: Targets, weights: Tensor | None) -> Tensor:
        """One value a picture.

        Args:
            outputs: of the network.
            targets: what is known; a gender or race of -1 adds nothing.
            weights: [N] of the age loss, or None for 1.

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
            loss = loss + recipe.gender_weight * _gender(outputs.gender, targets.gender)
        if outputs.race is not None:
            loss = loss + recipe.race_weight * functional.cross_entropy(
                outputs.race.float(), targets.race, reduction="none", ignore_index=-1
            )
        return loss


def _gender(logits: Tensor, gender: Tensor) -> Tensor:
    """Binary cross-entropy of "male", which is code 1; 0 where it is not stated."""
    known = (gender >= 0).float()
    loss = functional.binary_cross_entropy_with_logits(
        logits[:, 0].float(), gender.clamp(min=0).float(), reduction="none"
    )
    return torch.mul(loss, known)
