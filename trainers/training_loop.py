"""The epochs of one worker: training, validation, metrics and checkpoints."""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from faceage_core.age.calibration import tempered
from faceage_core.cards.age_spread import AgeSpread
from faceage_core.data.training.augmentation import derive_seed
from faceage_core.errors import TrainingFailed
from faceage_core.models.age_network import age_bins
from faceage_core.models.checkpoint import save_checkpoint
from trainers.calibration import fit_spread, fit_temperature
from trainers.data_sources import all_race_words, find_sources
from trainers.mixed_dataset import open_split
from trainers.model_card import input_spec, model_card
from trainers.multitask_loss import MultiTaskLoss
from trainers.optimizer import build_optimizer, learning_rate
from trainers.optimizer_step import OptimizerStep
from trainers.precision import float_format
from trainers.predictor import Predictor
from trainers.recipe import Recipe
from trainers.resume_state import (
    MODEL_FOLDER,
    RESUME_FOLDER,
    TrainingProgress,
    load_state,
    save_state,
)
from trainers.samplers import ValidationBatches, WorkerRank
from trainers.trainable_model import build_model
from trainers.training_loader import TrainingLoader, build_loader
from trainers.validation import Predictions, gather_rows, validation_metrics

StepFn = Callable[[int, int, int], None]
"""Called after each step with the epoch, the step and the number of steps, from 1."""


class TrainingLoop:
    """One worker's model, data and progress."""

    def __init__(
        self, recipe: Recipe, digest: str, worker: WorkerRank, device: torch.device
    ) -> None:
        self._recipe, self._worker, self._device = recipe, worker, device
        self._sources = find_sources(recipe.data)
        self._races = all_race_words(self._sources)
        self._progress = TrainingProgress(recipe_digest=digest)
        self._loader = self._open_loader(recipe.side_at(0))
        self._validation = open_split(
            self._sources, recipe, train=False, side_px=recipe.input.side_px, races=self._races
        )
        mean_age_years = float(self._loader.dataset.age_years.mean())
        self._model = build_model(recipe, device, mean_age_years)
        self._bins = len(age_bins(recipe.network.heads))
        chosen = float_format(recipe.precision, device)
        self._predictor = Predictor(
            input_spec(recipe, self._sources), device, chosen, recipe.channels_last
        )
        self._step = OptimizerStep(
            recipe.optimizer,
            self._model,
            build_optimizer(self._model.network, recipe.optimizer),
            torch.amp.GradScaler(device.type, enabled=chosen == "fp16"),
            MultiTaskLoss(recipe.loss),
            self._predictor,
            worker.workers,
        )
        self._spread: AgeSpread | None = None

    @property
    def done(self) -> bool:
        """Whether all epochs are complete, or training stops early."""
        progress = self._progress
        return progress.epochs_done >= self._recipe.epochs or progress.patience_exhausted(
            self._recipe.patience
        )

    def restore(self, directory: Path) -> None:
        """Restore the resumable part of a checkpoint."""
        model = self._model
        self._progress = load_state(directory, model.network, model.average, self._step.optimizer)
        if self._progress.scaler:
            self._step.scaler.load_state_dict(self._progress.scaler)

    def run_epoch(self, on_step: StepFn | None = None) -> dict[str, Any]:
        """Train one epoch, validate, and return the metrics, the same on every worker.

        Args:
            on_step: called after each step.

        Raises:
            TrainingFailed: the loss is NaN or infinite; all workers raise it together.
        """
        epoch = self._progress.epochs_done
        side_px = self._recipe.side_at(epoch)
        if side_px != self._loader.side_px:
            self._loader = self._open_loader(side_px)
        self._loader.set_epoch(epoch)
        # Dropout and the like depend on the seed, the epoch and the rank alone.
        torch.manual_seed(derive_seed(self._recipe.seed, epoch, self._worker.rank))
        start = time.perf_counter()
        loss, rate = self._train(epoch, on_step)
        seconds = time.perf_counter() - start
        predictions = self._validate()
        if not (math.isfinite(loss) and np.isfinite(predictions.probabilities).all()):
            raise TrainingFailed(
                f"the loss is NaN or infinite in epoch {epoch + 1}: lower optimizer.lr, or set "
                "optimizer.clip_norm"
            )
        temperature = self._fit_temperature(predictions)
        batches = self._loader.batches
        metrics = {
            "epoch": epoch + 1,
            "train_loss": loss,
            **validation_metrics(
                predictions,
                self._recipe.loss.sigma_years,
                distribution=self._recipe.network.age_outputs > 1,
                temperature=temperature,
            ),
            "lr": rate,
            "pictures_per_second": len(batches) * batches.batch_size / seconds,
            "train_seconds": seconds,
            "seconds": time.perf_counter() - start,
            "workers": self._worker.workers,
            "arithmetic": self._predictor.float_format,
        }
        self._spread = self._fit_spread(predictions, temperature)
        self._progress.add(metrics)
        self._progress.scaler = self._step.scaler.state_dict()
        metrics["best_epoch"] = (self._progress.best_epoch or 0) + 1
        return metrics

    def save(self, directory: Path, metrics: dict[str, Any]) -> None:
        """Write a checkpoint: the model to serve, and the state to resume from."""
        model = self._model
        card = model_card(
            self._recipe,
            self._sources,
            model.origin,
            metrics,
            epoch=self._progress.epochs_done,
            race_words=self._races,
            spread=self._spread,
        )
        save_checkpoint(directory / MODEL_FOLDER, model.evaluated.state_dict(), card)
        save_state(
            directory / RESUME_FOLDER,
            model.network,
            model.average,
            self._step.optimizer,
            self._progress,
        )

    def samples(self, count: int) -> list[tuple[Tensor, float, Tensor]]:
        """The first validation faces.

        Returns:
            For each: [3, S, S] uint8 RGB, the true age, [K] age probabilities as served.
        """
        chosen = [self._validation[index] for index in range(min(count, len(self._validation)))]
        if not chosen:
            return []
        images = torch.stack([image for image, _ in chosen])
        rows = self._predictor.predict(self._model.evaluated, images)[:, : self._bins]
        if self._spread is not None:
            rows = torch.from_numpy(tempered(rows.numpy(), self._spread.temperature))
        return [
            (image, float(targets.age_years), row)
            for (image, targets), row in zip(chosen, rows, strict=True)
        ]

    def _open_loader(self, side_px: int) -> TrainingLoader:
        dataset = open_split(
            self._sources, self._recipe, train=True, side_px=side_px, races=self._races
        )
        return build_loader(dataset, self._recipe, side_px, self._worker, self._device)

    def _train(self, epoch: int, on_step: StepFn | None) -> tuple[float, float]:
        """The mean loss of the epoch's images, and its last learning rate."""
        recipe, network = self._recipe, self._model.network
        network.train()
        if recipe.network.freeze_backbone:
            network.backbone.eval()  # batch normalisation keeps its published statistics
        steps, batch_size = len(self._loader.batches), self._loader.batches.batch_size
        total = torch.zeros((), dtype=torch.float64, device=self._device)
        rate = 0.0
        for index, (images, targets, weights) in enumerate(self._loader.loader):
            rate = learning_rate(
                recipe.optimizer, epoch * steps + index, recipe.epochs * steps, steps
            )
            self._step.set_learning_rate(rate)
            total += self._step(images, targets, weights, batch_size)
            if on_step is not None:
                on_step(epoch + 1, index + 1, steps)
        if self._worker.workers > 1:
            dist.all_reduce(total)
        return float(total) / (steps * batch_size), rate

    def _validate(self) -> Predictions:
        """The predictions of all workers for the validation images."""
        network, dataset = self._model.evaluated, self._validation
        for buffer in network.buffers():  # batch normalisation differs between workers
            if self._worker.workers > 1:
                dist.broadcast(buffer, 0)
        batches = ValidationBatches(len(dataset), self._recipe.batch_size, worker=self._worker)
        rows = self._predictor.predict_batches(network, dataset, batches)
        indices = [index for batch in batches for index in batch]
        has_gender = self._recipe.network.has("gender")
        own = torch.cat(rows) if rows else torch.zeros(0, self._bins + 2 * has_gender)
        everything = gather_rows(own.to(self._device), indices, len(dataset)).cpu().numpy()
        return Predictions(
            probabilities=everything[:, : self._bins],
            male=everything[:, -1] if has_gender else None,
            age_years=dataset.age_years,
            gender=dataset.gender,
        )

    def _fit_temperature(self, predictions: Predictions) -> float:
        """The temperature with the lowest validation MAE; 1 for a head that predicts years."""
        if self._recipe.network.age_outputs == 1:
            return 1.0
        return fit_temperature(predictions.probabilities, range(self._bins), predictions.age_years)

    def _fit_spread(self, predictions: Predictions, temperature: float) -> AgeSpread | None:
        """The calibration of the age distribution on the validation split, for the first worker."""
        if self._worker.rank != 0:
            return None
        bins = tuple(float(age) for age in range(self._bins))
        rows = tempered(predictions.probabilities, temperature)
        base, per_year = fit_spread(rows, bins, predictions.age_years)
        return AgeSpread(
            temperature=temperature,
            base_years=base,
            per_year=per_year,
            fitted_on=f"the validation split, n={len(predictions.age_years)}",
        )
