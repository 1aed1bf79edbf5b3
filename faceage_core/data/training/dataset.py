"""A PyTorch data set of face images with random access from any process.

Images are decoded by the same code as in serving. torchvision's decoder gives the same pixels and
is a quarter faster, which is 2 % of the time of loading with augmentation, but it is deprecated.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray
from platformdirs import user_cache_dir
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2.functional import center_crop

from faceage_core.data.layout import Layout, find_layout
from faceage_core.data.training.arrow_cache import cached_split, map_split
from faceage_core.data.training.augmentation import find_preset, seeded_random
from faceage_core.errors import FaceageError, InvalidDataset
from faceage_core.images import decode

GENDERS = ("female", "male")
UNKNOWN = -1


class Targets(NamedTuple):
    """The labels of an image; torch's collation keeps the type, and each field becomes [N].

    Attributes:
        age_years: float32.
        gender: int64, an index of `GENDERS`, or -1 if unknown.
        race: int64, an index of the data set's `races`, or -1 if unknown.
        index: int64, of the image in the data set.
    """

    age_years: Tensor
    gender: Tensor
    race: Tensor
    index: Tensor  # type: ignore[assignment]  # hides tuple.index


class FaceDataset(Dataset[tuple[Tensor, Targets]]):
    """One split of a prepared data set, or several splits joined.

    The augmentation of an image depends on the seed, the epoch and its index alone, not on the
    number of loader processes, their order, or an interruption of the training.

    Attributes:
        age_years: [N] float32.
        gender: [N] int64, as in `Targets`.
        race: [N] int64, as in `Targets`.
        races: the labels that the codes in `race` are indices of.
    """

    def __init__(
        self,
        source: str | Path | Layout,
        split: str | Sequence[str],
        *,
        augmentation: str = "none",
        size_px: int | None = None,
        center: float = 1.0,
        seed: int = 0,
        races: Sequence[str] | None = None,
        cache: Path | None = None,
    ) -> None:
        """Open the data set; the first time, its images are copied to the cache.

        Args:
            source: the data set's directory or URI, or its layout if it has been opened already.
            split: "train", or several such as ("fold-0", "fold-1").
            augmentation: a name of `faceage_core.data.training.augmentation.PRESETS`.
            size_px: the side S of the returned images; None uses the preset's.
            center: the middle part of an image's side that is kept, 0 to 1; the rest is cut off.
            seed: of the augmentation.
            races: the labels that race codes are indices of; other labels become -1. None uses all
                labels of the data set in alphabetical order, the same for all its splits.
            cache: a directory on a local disk, see `faceage_core.data.training.arrow_cache`; None
                uses the user's cache directory.

        Raises:
            InvalidDataset: the data set is missing, incomplete, or lacks the split.
            InvalidArgument: the augmentation is unknown.
        """
        preset = find_preset(augmentation)
        layout = source if isinstance(source, Layout) else find_layout(source)
        self.splits = (split,) if isinstance(split, str) else tuple(split)
        self._paths = [
            cached_split(layout, name, cache or Path(user_cache_dir("faceage", appauthor=False)))
            for name in self.splits
        ]
        table = pa.concat_tables(map(map_split, self._paths))
        if not table.num_rows:
            raise InvalidDataset(f"{' and '.join(self.splits)} of {layout.name}: no images")
        self.races = race_words(layout) if races is None else tuple(races)
        self.age_years: NDArray[np.float32] = table["age_years"].to_numpy()
        self.gender = _codes(table["gender"], GENDERS)
        self.race = _codes(table["race"], self.races)
        self._images: pa.ChunkedArray | None = table["image"]
        self._augment = preset.build(size_px or preset.size_px)
        self._center = center
        self._seed = seed
        # In shared memory, so that persistent loader processes see the next epoch.
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose augmentation is drawn; call it before each pass."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.age_years)

    def __getitem__(self, index: int) -> tuple[Tensor, Targets]:
        """One image, [3, S, S] uint8 RGB, and its labels.

        Raises:
            InvalidDataset: the image cannot be decoded.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        image = self._decode(index)
        image = center_crop(image, [round(side * self._center) for side in image.shape[1:]])
        with seeded_random(self._seed, int(self._epoch), index):
            image = self._augment(image)
        return image, Targets(
            torch.tensor(self.age_years[index]),
            torch.tensor(self.gender[index]),
            torch.tensor(self.race[index]),
            torch.tensor(index),
        )

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the images: the other process maps the same file."""
        return {**self.__dict__, "_images": None}

    def _decode(self, index: int) -> Tensor:
        if self._images is None:
            self._images = pa.concat_tables(map(map_split, self._paths))["image"]
        try:
            pixels = decode(self._images[index].as_py())
        except FaceageError as error:
            raise InvalidDataset(
                f"image {index} of {' and '.join(self.splits)}: {error.message}"
            ) from error
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def race_words(layout: Layout) -> tuple[str, ...]:
    """All race labels in the splits of a data set, in alphabetical order."""
    words: set[str | None] = set()
    for part in (part for split in layout.splits for part in layout.parts(split)):
        with layout.open(part, dictionary=("race",)) as file:
            words.update(pc.unique(file.read(["race"])["race"]).to_pylist())
    return tuple(sorted(word for word in words if word is not None))


def _codes(column: pa.ChunkedArray, words: Sequence[str]) -> NDArray[np.int64]:
    found = pc.index_in(column, value_set=pa.array(words, pa.string()), skip_nulls=True)
    codes: NDArray[np.int64] = pc.fill_null(found, UNKNOWN).cast(pa.int64()).to_numpy()
    return codes
