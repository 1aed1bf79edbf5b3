"""One worker's part of a training: its network, its pictures, its epochs and its checkpoints."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray.train.torch
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from faceage_core.age.calibration import tempered
from faceage_core.cards.age_spread import AgeSpread
from faceage_core.data.training.dataset import Targets
from faceage_core.errors import TrainingFailed
from faceage_core.inference.normalisation import normalise_batch
from faceage_core.models.age_network import AgeNetwork, Outputs, Probabilities, age_bins
from faceage_core.models.checkpoint import save_checkpoint
from trainers.calibration import fit_spread, fit_temperature
from trainers.dataset import MixedDataset, find_sources, open_split, race_words_of
from trainers.losses import age_weights
from trainers.model_card import input_spec, model_card
from trainers.objective import Objective
from trainers.optimization import build_optimizer, learning_rate
from trainers.precision import arithmetic, autocast
from trainers.pretrained import Origin, initialise
from trainers.recipe import Recipe
from trainers.samplers import Share, TrainingBatches, ValidationBatches
from trainers.state import MODEL, RESUME, Progress, load_state, save_state
from trainers.validation import Predictions, figures, gathered
from trainers.weight_averaging import averaged


@dataclass
class _Stage:
    """The loading of the pictures at one size."""

    side_px: int
    dataset: MixedDataset
    batches: TrainingBatches
    loader: DataLoader[Any]


class Training:
    """One worker's networks, data and progress."""

    def __init__(self, recipe: Recipe, digest: str, share: Share, device: torch.device) -> None:
        self._recipe, self._share, self._device = recipe, share, device
        self._sources = find_sources(recipe.data)
        self._input = input_spec(recipe, self._sources)
        self._races = race_words_of(recipe.data)
        self._progress = Progress(recipe_digest=digest)
        self._objective = Objective(recipe.loss)
        self._stage = self._open_stage(recipe.side_at(0))
        self._val = open_split(
            recipe.data, recipe.input, train=False, side_px=recipe.input.side_px, seed=recipe.seed
        )
        self._origin = self._build()
        self._optimizer = build_optimizer(self._network, recipe.optimizer)
        self._arithmetic = arithmetic(recipe.precision, device)
        self._scaler = torch.amp.GradScaler(device.type, enabled=self._arithmetic == "fp16")

    @property
    def done(self) -> bool:
        """Whether all epochs are over, or no better one is in sight."""
        progress = self._progress
        return progress.epochs_done >= self._recipe.epochs or progress.stopped(
            self._recipe.patience
        )

    def restore(self, directory: Path) -> None:
        """Go on from a checkpoint's resumable part."""
        self._progress = load_state(directory, self._network, self._average, self._optimizer)
        if self._progress.scaler:
            self._scaler.load_state_dict(self._progress.scaler)

    def epoch(self, pace: Callable[[int, int, int], None] | None = None) -> dict[str, Any]:
        """Train one epoch, validate, and return what is reported, the same on every worker.

        Args:
            pace: called after each step with the epoch, the step and how many there are, from 1.

        Raises:
            TrainingFailed: the loss diverged; all workers find out together.
        """
        epoch = self._progress.epochs_done
        side_px = self._recipe.side_at(epoch)
        if side_px != self._stage.side_px:
            self._stage = self._open_stage(side_px)
        self._stage.batches.set_epoch(epoch)
        self._stage.dataset.set_epoch(epoch)
        # What the network draws, dropout above all, follows from the seed, the epoch and the rank.
        seeds = np.random.SeedSequence((self._recipe.seed, epoch, self._share.rank))
        torch.manual_seed(int(seeds.generate_state(1)[0]))
        start = time.perf_counter()
        loss, rate = self._train_epoch(epoch, pace)
        seconds = time.perf_counter() - start
        predictions = self._validate()
        if not (math.isfinite(loss) and np.isfinite(predictions.probabilities).all()):
            raise TrainingFailed(
                f"the loss is no number in epoch {epoch + 1}: lower optimizer.lr, or clip "
                "gradients by optimizer.clip_norm"
            )
        temperature = self._fitted_temperature(predictions)
        metrics = {
            "epoch": epoch + 1,
            "train_loss": loss,
            **figures(
                predictions,
                self._recipe.loss.sigma_years,
                distribution=self._recipe.network.age_outputs > 1,
                temperature=temperature,
            ),
            "lr": rate,
            "pictures_per_second": len(self._stage.batches)
            * self._stage.batches.batch_size
            / seconds,
            "train_seconds": seconds,
            "seconds": time.perf_counter() - start,
            "workers": self._share.workers,
            "arithmetic": self._arithmetic,
        }
        self._spread = self._fitted_spread(predictions, temperature)
        self._progress.add(metrics)
        self._progress.scaler = self._scaler.state_dict()
        metrics["best_epoch"] = (self._progress.best_epoch or 0) + 1
        return metrics

    def save(self, directory: Path, metrics: dict[str, Any]) -> None:
        """Write a checkpoint: what serves, and what resumes."""
        card = model_card(
            self._recipe,
            self._sources,
            self._origin,
            metrics,
            epoch=self._progress.epochs_done,
            race_words=self._races,
            spread=self._spread,
        )
        save_checkpoint(directory / MODEL, self._judged.state_dict(), card)
        save_state(
            directory / RESUME, self._network, self._average, self._optimizer, self._progress
        )

    def samples(self, count: int) -> list[tuple[Tensor, float, Tensor]]:
        """Some validation faces: [3, S, S] uint8 RGB, the true age, [K] served probabilities."""
        chosen = [self._val[index] for index in range(min(count, len(self._val)))]
        if not chosen:
            return []
        images = torch.stack([image for image, _ in chosen])
        rows = self._predicted(images)[:, : self._bins]
        if self._spread is not None:
            rows = torch.from_numpy(tempered(rows.numpy(), self._spread.temperature))
        return [
            (image, float(targets.age_years), row)
            for (image, targets), row in zip(chosen, rows, strict=True)
        ]

    def _build(self) -> Origin:
        recipe = self._recipe
        torch.manual_seed(recipe.seed)
        network = AgeNetwork(recipe.network.backbone, recipe.network.heads)
        if recipe.network.age_outputs == 1:
            _start_at(network, float(self._stage.dataset.age_years.mean()))
        origin = initialise(network, recipe.network.backbone, recipe.network.weights)
        if recipe.network.freeze_backbone:
            network.backbone.requires_grad_(False)
        if recipe.channels_last:
            network.to(memory_format=torch.channels_last)
        self._network = network.to(self._device)
        self._average: AveragedModel | None = None
        if recipe.optimizer.ema_decay is not None:
            self._average = averaged(self._network, recipe.optimizer.ema_decay)
        self._bins = len(age_bins(recipe.network.heads))
        self._parallel: Any = ray.train.torch.prepare_model(self._network)
        self._run = torch.compile(self._parallel) if recipe.compile else self._parallel
        return origin

    @property
    def _judged(self) -> AgeNetwork:
        """The network that is validated and saved: the average where there is one."""
        module = self._network if self._average is None else self._average.module
        assert isinstance(module, AgeNetwork)
        return module

    def _open_stage(self, side_px: int) -> _Stage:
        recipe = self._recipe
        dataset = open_split(
            recipe.data, recipe.input, train=True, side_px=side_px, seed=recipe.seed
        )
        rarity = age_weights(torch.from_numpy(dataset.age_years)).numpy()
        batches = TrainingBatches(
            len(dataset),
            recipe.batch_size,
            share=self._share,
            seed=recipe.seed,
            weights=rarity if recipe.loss.balance == "oversample" else None,
        )
        loader = DataLoader(
            _Weighted(dataset, rarity if recipe.loss.balance == "weights" else None),
            batch_sampler=batches,
            num_workers=recipe.data.loaders,
            persistent_workers=recipe.data.loaders > 0,
            pin_memory=self._device.type == "cuda",
        )
        return _Stage(side_px, dataset, batches, loader)

    def _train_epoch(
        self, epoch: int, pace: Callable[[int, int, int], None] | None
    ) -> tuple[float, float]:
        """The mean loss of the epoch's pictures, and its last learning rate."""
        self._network.train()
        if self._recipe.network.freeze_backbone:
            self._network.backbone.eval()  # its normalisation stays as it was published
        steps = len(self._stage.batches)
        total = torch.zeros((), dtype=torch.float64, device=self._device)
        rate = 0.0
        for index, (images, targets, weights) in enumerate(self._stage.loader):
            rate = learning_rate(
                self._recipe.optimizer,
                epoch * steps + index,
                self._recipe.epochs * steps,
                steps,
            )
            for group in self._optimizer.param_groups:
                group["lr"] = rate
            total += self._step(images, targets, weights)
            if pace is not None:
                pace(epoch + 1, index + 1, steps)
        if self._share.workers > 1:
            dist.all_reduce(total)
        return float(total) / (steps * self._stage.batches.batch_size), rate

    def _step(self, images: Tensor, targets: Targets, weights: Tensor) -> Tensor:
        """One step of the optimizer; the sum of this worker's losses."""
        recipe, total = self._recipe.optimizer, torch.zeros((), device=self._device)
        parts = list(_parts(images, targets, weights, recipe.accumulate))
        for number, (some, known, rarity) in enumerate(parts):
            last = number == len(parts) - 1
            held = nullcontext() if last or self._share.workers == 1 else self._parallel.no_sync()
            with held:
                with autocast(self._arithmetic, self._device):
                    outputs: Outputs = self._run(self._ready(some))
                loss = self._objective(
                    outputs, Targets(*(t.to(self._device) for t in known)), rarity.to(self._device)
                ).sum()
                # DDP averages over workers; the sum over the whole batch is to be averaged.
                scale = self._share.workers / self._stage.batches.batch_size
                torch.autograd.backward(self._scaler.scale(loss * scale))
            total += loss.detach()
        if recipe.clip_norm is not None:
            self._scaler.unscale_(self._optimizer)
            nn.utils.clip_grad_norm_(self._network.parameters(), recipe.clip_norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._optimizer.zero_grad(set_to_none=True)
        if self._average is not None:
            self._average.update_parameters(self._network)
        return total

    def _validate(self) -> Predictions:
        for buffer in self._judged.buffers():  # each worker's normalisation saw other pictures
            if self._share.workers > 1:
                dist.broadcast(buffer, 0)
        batches = ValidationBatches(len(self._val), self._recipe.batch_size, share=self._share)
        rows = [
            self._predicted(torch.stack([self._val[index][0] for index in some]))
            for some in batches
        ]
        places = [index for some in batches for index in some]
        columns = self._bins + 2 * self._recipe.network.has("gender")
        own = torch.cat(rows) if rows else torch.zeros(0, columns)
        everything = gathered(own.to(self._device), places, len(self._val)).cpu().numpy()
        return Predictions(
            probabilities=everything[:, : self._bins],
            male=everything[:, -1] if self._recipe.network.has("gender") else None,
            age_years=self._val.age_years,
            gender=self._val.gender,
        )

    def _predicted(self, images: Tensor) -> Tensor:
        """[N, K + 2] or [N, K] probabilities on the CPU, as they will be served."""
        serving = Probabilities(self._judged).eval()
        with torch.no_grad(), autocast(self._arithmetic, self._device):
            ready = self._ready(images)
            output: Tensor = serving(ready).float()
            if self._input.average_flip:
                output = (output + serving(ready.flip(3)).float()) * 0.5
        return output.cpu()

    def _ready(self, images: Tensor) -> Tensor:
        batch = normalise_batch(images.to(self._device, non_blocking=True), self._input)
        if self._recipe.channels_last:
            batch = batch.contiguous(memory_format=torch.channels_last)
        return batch

    def _fitted_temperature(self, predictions: Predictions) -> float:
        """Under which the validation split's error is least; 1 for a head that gives years."""
        if self._recipe.network.age_outputs == 1:
            return 1.0
        return fit_temperature(predictions.probabilities, range(self._bins), predictions.age_years)

    def _fitted_spread(self, predictions: Predictions, temperature: float) -> AgeSpread | None:
        """What makes the distribution honest, fitted to the validation split."""
        if self._share.rank != 0:
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


class _Weighted(torch.utils.data.Dataset[tuple[Tensor, Targets, Tensor]]):
    """The pictures, each with the weight of its age loss."""

    def __init__(self, dataset: MixedDataset, weights: Any) -> None:
        self._dataset = dataset
        self._weights = weights

    def __getitem__(self, index: int) -> tuple[Tensor, Targets, Tensor]:
        image, targets = self._dataset[index]
        return image, targets, torch.tensor(1.0 if self._weights is None else self._weights[index])


def _parts(
    images: Tensor, targets: Targets, weights: Tensor, count: int
) -> Iterator[tuple[Tensor, Targets, Tensor]]:
    """A batch in so many parts."""
    fields = [part.tensor_split(count) for part in (images, *targets, weights)]
    for some, *known, rarity in zip(*fields, strict=True):
        if len(some):
            yield some, Targets(*known), rarity


def _start_at(network: AgeNetwork, years: float) -> None:
    """Let a head that gives years begin with the mean age rather than 0."""
    last = [module for module in network.heads["age"].modules() if isinstance(module, nn.Linear)]
    nn.init.constant_(last[-1].bias, years)
