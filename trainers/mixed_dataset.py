"""The training or validation images of a recipe: several data sets as one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from faceage_core.data.training.augmentation import PRESETS
from faceage_core.data.training.dataset import FaceDataset, Targets
from trainers.data_sources import Source
from trainers.recipe import Recipe

_SEED_STEP = 1_000_003  # between data sets, so that they are augmented independently


class MixedDataset(Dataset[tuple[Tensor, Targets]]):
    """The same splits of several data sets, one after the other.

    Attributes:
        age_years: [N] float32.
        gender: [N] int64, as in `Targets`.
    """

    def __init__(self, parts: Sequence[FaceDataset], limit: int | None = None) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *map(len, parts)])
        self.age_years: NDArray[np.float32] = np.concatenate([p.age_years for p in parts])[:limit]
        self.gender: NDArray[np.int64] = np.concatenate([p.gender for p in parts])[:limit]

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose augmentation is drawn."""
        for part in self._parts:
            part.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.age_years)

    def __getitem__(self, index: int) -> tuple[Tensor, Targets]:
        part = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self._parts[part][index - int(self._starts[part])]


def open_split(
    sources: Sequence[Source],
    recipe: Recipe,
    *,
    train: bool,
    side_px: int,
    races: Sequence[str],
) -> MixedDataset:
    """Open the training images, augmented, or the validation images, not augmented.

    Args:
        sources: of the recipe.
        recipe: its data, input and seed are used.
        train: the training splits; otherwise the validation splits.
        side_px: the side S of the images.
        races: the labels that race codes are indices of.

    Raises:
        InvalidDataset: a data set is damaged.
    """
    data, augmentation = recipe.data, recipe.input.augmentation
    parts = [
        FaceDataset(
            source.layout,
            data.train if train else data.val,
            augmentation=augmentation if train else "none",
            size_px=side_px,
            center=1.0 if train else PRESETS[augmentation].center,
            seed=recipe.seed + _SEED_STEP * number,
            races=races,
        )
        for number, source in enumerate(sources)
    ]
    return MixedDataset(parts, data.limit)
