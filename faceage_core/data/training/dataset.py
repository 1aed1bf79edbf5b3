"""The pictures of a prepared data set, for training: any of them by its index, in any process.

They are decoded as serving decodes them. torchvision's own decoder gives the same pixels a quarter
faster, which is 2 % of what loading with augmentation takes, but it is deprecated there.
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
from faceage_core.data.training.arrow_cache import mapped_file, read_mapped
from faceage_core.data.training.augmentation import drawing_from, find_preset
from faceage_core.errors import FaceageError, InvalidDataset
from faceage_core.images import decode

GENDERS = ("female", "male")
UNKNOWN = -1


class Targets(NamedTuple):
    """What is known of a picture; torch's collation keeps the type, each field becoming [N].

    Attributes:
        age_years: float32.
        gender: int64, an index of `GENDERS`, or -1 where it is not stated.
        race: int64, an index of the data set's `races`, or -1 where it is not stated.
        index: int64, the picture's place in the data set.
    """

    age_years: Tensor
    gender: Tensor
    race: Tensor
    index: Tensor  # type: ignore[assignment]  # hides tuple.index, which nobody needs here


class FaceDataset(Dataset[tuple[Tensor, Targets]]):
    """One split of a prepared data set, or several as one.

    How a picture is varied depends on the seed, the epoch and its index alone. So it does not
    matter how many processes load, in which order, or whether training was interrupted.

    Attributes:
        age_years: [N] float32.
        gender: [N] int64, as in `Targets`.
        race: [N] int64, as in `Targets`.
        races: the words that `race` counts.
    """

    def __init__(
        self,
        source: str | Path,
        split: str | Sequence[str],
        *,
        augmentation: str = "none",
        size_px: int | None = None,
        center: float = 1.0,
        seed: int = 0,
        races: Sequence[str] | None = None,
        cache: Path | None = None,
    ) -> None:
        """Open it; the first time, its pictures are copied to the cache.

        Args:
            source: the data set's directory or address.
            split: "train", or several such as ("fold-0", "fold-1").
            augmentation: a name of `faceage_core.data.training.augmentation.PRESETS`.
            size_px: the side S of the pictures returned; None takes the preset's.
            center: the middle part of a picture's side that is looked at; the rest is cut off.
            seed: of the augmentation.
            races: the words to count; None takes all of the data set's, in alphabetical order, so
                that its splits agree. Other words become -1.
            cache: a directory on a local disk, see `faceage_core.data.training.arrow_cache`; None
                takes the user's cache.

        Raises:
            InvalidDataset: it is not there, not whole, or lacks the split.
            InvalidArgument: there is no such augmentation.
        """
        preset = find_preset(augmentation)
        layout = find_layout(source)
        self.splits = (split,) if isinstance(split, str) else tuple(split)
        self._paths = [
            mapped_file(layout, name, cache or Path(user_cache_dir("faceage", appauthor=False)))
            for name in self.splits
        ]
        table = pa.concat_tables(map(read_mapped, self._paths))
        if not table.num_rows:
            raise InvalidDataset(f"{' and '.join(self.splits)} of {layout.name}: no pictures")
        self.races = race_words(layout) if races is None else tuple(races)
        self.age_years: NDArray[np.float32] = table["age_years"].to_numpy()
        self.gender = _codes(table["gender"], GENDERS)
        self.race = _codes(table["race"], self.races)
        self._images: pa.ChunkedArray | None = table["image"]
        self._augment = preset.build(size_px or preset.size_px)
        self._center = center
        self._seed = seed
        # Shared, so that loader processes that outlive an epoch learn of the next one.
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]

    def set_epoch(self, epoch: int) -> None:
        """Vary the pictures anew; to be called before each pass, as for the sampler."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.age_years)

    def __getitem__(self, index: int) -> tuple[Tensor, Targets]:
        """One picture, [3, S, S] uint8 RGB, and what is known of it.

        Raises:
            InvalidDataset: the picture cannot be decoded.
        """
        if not 0 <= index < len(self):
            raise IndexError(index)
        image = self._decoded(index)
        image = center_crop(image, [round(side * self._center) for side in image.shape[1:]])
        with drawing_from(self._seed, int(self._epoch), index):
            image = self._augment(image)
        return image, Targets(
            torch.tensor(self.age_years[index]),
            torch.tensor(self.gender[index]),
            torch.tensor(self.race[index]),
            torch.tensor(index),
        )

    def __getstate__(self) -> dict[str, Any]:
        """All but the pictures: another process maps the same file."""
        return {**self.__dict__, "_images": None}

    def _decoded(self, index: int) -> Tensor:
        if self._images is None:
            self._images = pa.concat_tables(map(read_mapped, self._paths))["image"]
        try:
            pixels = decode(self._images[index].as_py())
        except FaceageError as error:
            raise InvalidDataset(
                f"picture {index} of {' and '.join(self.splits)}: {error.message}"
            ) from error
        return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def _codes(column: pa.ChunkedArray, words: Sequence[str]) -> NDArray[np.int64]:
    found = pc.index_in(column, value_set=pa.array(words, pa.string()), skip_nulls=True)
    codes: NDArray[np.int64] = pc.fill_null(found, UNKNOWN).cast(pa.int64()).to_numpy()
    return codes


def race_words(layout: Layout) -> tuple[str, ...]:
    """The words for race in all splits of a data set, in alphabetical order."""
    words: set[str | None] = set()
    for part in (part for split in layout.splits for part in layout.parts(split)):
        with layout.open(part, dictionary=("race",)) as file:
            words.update(pc.unique(file.read(["race"])["race"]).to_pylist())
    return tuple(sorted(word for word in words if word is not None))
