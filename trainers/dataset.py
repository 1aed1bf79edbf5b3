"""The pictures of a recipe: one prepared data set, or several that agree and are mixed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from faceage_core.cards.crops import LandmarkCrop
from faceage_core.data.layout import find_layout
from faceage_core.data.manifest import MANIFEST, Manifest
from faceage_core.data.training.augmentation import PRESETS
from faceage_core.data.training.dataset import FaceDataset, Targets, race_words
from faceage_core.data.training_crop import training_crop
from faceage_core.errors import InvalidArgument
from trainers.recipe import DataRecipe, InputRecipe


@dataclass(frozen=True)
class Source:
    """One prepared data set, known by its manifest.

    Attributes:
        location: its directory or address.
        manifest: read.
        manifest_sha256: of the file.
    """

    location: str
    manifest: Manifest
    manifest_sha256: str


def find_sources(recipe: DataRecipe) -> list[Source]:
    """Find every data set and read its manifest.

    Raises:
        InvalidDataset: one is not there, not finished or not whole.
        InvalidArgument: one has none of the recipe's splits.
    """
    sources = []
    for location in recipe.sources:
        layout = find_layout(location)
        manifest = layout.manifest
        for split in (*recipe.train, *recipe.val):
            if split not in manifest.splits:
                raise InvalidArgument(
                    f"{layout.name} has no split {split!r}, only {', '.join(manifest.splits)}",
                    field="data.train" if split in recipe.train else "data.val",
                )
        digest = hashlib.sha256(layout.folder.read(MANIFEST)).hexdigest()
        sources.append(Source(location, manifest, digest))
    return sources


def common_crop(sources: Sequence[Source], recipe: DataRecipe, size_px: int) -> LandmarkCrop:
    """The frame in which the pictures are cut.

    Raises:
        InvalidArgument: the data sets are cut in different frames, or in none that is known.
    """
    crops = {}
    for source in sources:
        crop = source.manifest.crop
        if crop is None and recipe.margin is None:
            raise InvalidArgument(
                f"{source.location} was prepared with --crop none, so nobody knows the frame in "
                "which a model trained on it must be served: prepare it with --crop detect, or "
                "state the margin that its pictures agree with as data.margin",
                field="data.margin",
            )
        template = (crop or training_crop(size_px, recipe.margin or 0.0)).template
        crops[template] = source.location
    if len(crops) > 1:
        raise InvalidArgument(
            f"{' and '.join(crops.values())} are cut in different frames: prepare them with the "
            "same --margin",
            field="data.sources",
        )
    (template,) = crops
    return LandmarkCrop(size_px=size_px, template=template)


class MixedDataset(Dataset[tuple[Tensor, Targets]]):
    """The same splits of several data sets as one.

    Attributes:
        age_years: [N] float32.
        gender: [N] int64.
        races: the words that the race codes count.
    """

    def __init__(self, parts: Sequence[FaceDataset], limit: int | None = None) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *map(len, parts)])
        self.age_years: NDArray[np.float32] = np.concatenate([p.age_years for p in parts])[:limit]
        self.gender: NDArray[np.int64] = np.concatenate([p.gender for p in parts])[:limit]
        self.races = parts[0].races

    def set_epoch(self, epoch: int) -> None:
        """Vary the pictures anew."""
        for part in self._parts:
            part.set_epoch(epoch)

    def __len__(self) -> int:
        return len(self.age_years)

    def __getitem__(self, index: int) -> tuple[Tensor, Targets]:
        part = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self._parts[part][index - int(self._starts[part])]


def open_split(
    data: DataRecipe,
    input: InputRecipe,  # noqa: A002
    *,
    train: bool,
    side_px: int,
    seed: int,
    **options: Any,
) -> MixedDataset:
    """The pictures to train on, varied, or those to validate on, as they are.

    Raises:
        InvalidDataset: a data set is damaged.
    """
    races = race_words_of(data)
    parts = [
        FaceDataset(
            location,
            data.train if train else data.val,
            augmentation=input.augmentation if train else "none",
            size_px=side_px,
            center=1.0 if train else PRESETS[input.augmentation].center,
            seed=seed + 1_000_003 * number,
            races=races,
            **options,
        )
        for number, location in enumerate(data.sources)
    ]
    return MixedDataset(parts, data.limit)


def race_words_of(data: DataRecipe) -> tuple[str, ...]:
    """The words of all data sets together, in alphabetical order."""
    found = (race_words(find_layout(location)) for location in data.sources)
    return tuple(sorted(set().union(*found)))
