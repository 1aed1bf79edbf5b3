"""The columns of a data set without its images, in memory: about 200 bytes a row."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from faceage_core.data.layout import REJECTED, Layout

_TEXTS = ("gender", "race", "identity")
_READ = ("age_years", *_TEXTS, "width", "height", "sha256", "perceptual_hash")


@dataclass(frozen=True)
class Columns:
    """The rows of all splits, one split after the other, sorted by name.

    Attributes:
        table: [N] rows: age_years, gender, race, identity, width, height, sha256, perceptual_hash.
        split_names: the splits in the order of the rows.
        split_of: [N] int64, indices of `split_names`.
        parts: the files in the order of the rows, each with its number of rows.
    """

    table: pa.Table
    split_names: tuple[str, ...]
    split_of: NDArray[np.int64]
    parts: tuple[tuple[str, int], ...]

    @property
    def ages(self) -> NDArray[np.float64]:
        """[N] float64 ages in years."""
        ages: NDArray[np.float64] = self.table["age_years"].to_numpy().astype(np.float64)
        return ages


def read_columns(layout: Layout) -> Columns:
    """Read all splits of a data set, without the images.

    Raises:
        InvalidDataset: a file is damaged or lacks a column.
    """
    tables, parts, split_of = [], [], []
    for number, split in enumerate(layout.splits):
        for part in layout.parts(split):
            with layout.open(part, dictionary=_TEXTS) as file:
                tables.append(file.read(list(_READ)))
            parts.append((part, tables[-1].num_rows))
            split_of.append(np.full(tables[-1].num_rows, number, dtype=np.int64))
    table = pa.concat_tables(tables).unify_dictionaries()
    return Columns(table, tuple(layout.splits), np.concatenate(split_of), tuple(parts))


def read_rejections(layout: Layout) -> pa.ChunkedArray:
    """The reasons of the rejected images; empty if there is no file of them."""
    if REJECTED not in layout.folder.files:
        return pa.chunked_array([], type=pa.string())
    with layout.open(REJECTED) as file:
        return file.read(["reason"])["reason"]
