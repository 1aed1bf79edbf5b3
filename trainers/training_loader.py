"""The training images of one size, in batches for one worker."""

from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from faceage_core.data.training.dataset import Targets
from trainers.losses import age_weights
from trainers.mixed_dataset import MixedDataset
from trainers.recipe import Recipe
from trainers.samplers import TrainingBatches, WorkerRank


@dataclass(frozen=True)
class TrainingLoader:
    """A data set with its sampler and loader.

    Attributes:
        side_px: the side S of the images.
        dataset: the images.
        batches: the sampler of this worker's part of each batch.
        loader: yields images [n, 3, S, S] uint8 RGB, targets and weights [n] of the age loss.
    """

    side_px: int
    dataset: MixedDataset
    batches: TrainingBatches
    loader: DataLoader[Any]

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order and augmentation are drawn."""
        self.batches.set_epoch(epoch)
        self.dataset.set_epoch(epoch)


def build_loader(
    dataset: MixedDataset, recipe: Recipe, side_px: int, worker: WorkerRank, device: torch.device
) -> TrainingLoader:
    """Build the loader of one worker.

    Args:
        dataset: with images of `side_px`.
        recipe: resolved.
        side_px: the side of the images.
        worker: whose part of each batch is loaded.
        device: where the batches will be copied to.
    """
    weights = age_weights(torch.from_numpy(dataset.age_years)).numpy()
    balance = recipe.loss.balance
    batches = TrainingBatches(
        len(dataset),
        recipe.batch_size,
        worker=worker,
        seed=recipe.seed,
        weights=weights if balance == "oversample" else None,
    )
    loader = DataLoader(
        _WeightedDataset(dataset, weights if balance == "weights" else None),
        batch_sampler=batches,
        num_workers=recipe.data.loaders,
        persistent_workers=recipe.data.loaders > 0,
        pin_memory=device.type == "cuda",
    )
    return TrainingLoader(side_px, dataset, batches, loader)


class _WeightedDataset(Dataset[tuple[Tensor, Targets, Tensor]]):
    """The images, each with the weight of its age loss; without weights it is 1."""

    def __init__(self, dataset: MixedDataset, weights: NDArray[Any] | None) -> None:
        self._dataset = dataset
        self._weights = weights

    def __getitem__(self, index: int) -> tuple[Tensor, Targets, Tensor]:
        image, targets = self._dataset[index]
        return image, targets, torch.tensor(1.0 if self._weights is None else self._weights[index])
