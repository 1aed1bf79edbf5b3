"""One step of the optimizer: mixed precision, gradient accumulation, clipping and averaging."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from faceage_core.data.training.dataset import Targets
from faceage_core.models.age_network import Outputs
from trainers.multitask_loss import MultiTaskLoss
from trainers.precision import autocast
from trainers.predictor import Predictor
from trainers.recipe import OptimizerRecipe
from trainers.trainable_model import TrainableModel


@dataclass(frozen=True)
class OptimizerStep:
    """Updates a model from one batch.

    Attributes:
        recipe: accumulation and clipping.
        model: is updated.
        optimizer: of the model's trainable parameters.
        scaler: of the gradients; disabled unless the format is fp16.
        loss: is minimised.
        predictor: prepares the images.
        workers: the number of workers that share each batch.
    """

    recipe: OptimizerRecipe
    model: TrainableModel
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    loss: MultiTaskLoss
    predictor: Predictor
    workers: int

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the next step."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def __call__(
        self, images: Tensor, targets: Targets, weights: Tensor, batch_size: int
    ) -> Tensor:
        """Update the model, and return the sum of this worker's losses, a scalar on the device.

        Args:
            images: [n, 3, S, S] uint8 RGB, this worker's part of the batch.
            targets: their labels.
            weights: [n] of their age losses.
            batch_size: over all workers.
        """
        device, predictor = self.predictor.device, self.predictor
        total = torch.zeros((), device=device)
        parts = list(_split(images, targets, weights, self.recipe.accumulate))
        for number, (part_images, part_targets, part_weights) in enumerate(parts):
            synchronise = number == len(parts) - 1 or self.workers == 1
            with nullcontext() if synchronise else self.model.distributed.no_sync():
                with autocast(predictor.float_format, device):
                    outputs: Outputs = self.model.forward(predictor.network_input(part_images))
                loss = self.loss(
                    outputs,
                    Targets(*(target.to(device) for target in part_targets)),
                    part_weights.to(device),
                ).sum()
                # DDP averages the gradients over workers, but the mean over the batch is needed.
                scale = self.workers / batch_size
                torch.autograd.backward(self.scaler.scale(loss * scale))
            total += loss.detach()
        if self.recipe.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.network.parameters(), self.recipe.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.model.average is not None:
            self.model.average.update_parameters(self.model.network)
        return total


def _split(
    images: Tensor, targets: Targets, weights: Tensor, parts: int
) -> Iterator[tuple[Tensor, Targets, Tensor]]:
    """Split a batch for gradient accumulation; empty parts are left out."""
    fields = [field.tensor_split(parts) for field in (images, *targets, weights)]
    for part_images, *part_targets, part_weights in zip(*fields, strict=True):
        if len(part_images):
            yield part_images, Targets(*part_targets), part_weights
