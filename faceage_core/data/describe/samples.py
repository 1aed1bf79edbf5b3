"""A few sample images of every age band, shown beside the statistics."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from faceage_core.data.describe.columns import Columns
from faceage_core.data.layout import Layout
from faceage_core.errors import FaceageError
from faceage_core.images import decode

PER_BAND, THUMBNAIL_PX = 10, 96


@dataclass(frozen=True)
class Sample:
    """The thumbnail of one image.

    Attributes:
        age_years: as the data set states it.
        gender: as the data set states it; None if not stated.
        split: the split that contains the image.
        jpeg: at most `THUMBNAIL_PX` wide and high; None if the image cannot be decoded.
    """

    age_years: float
    gender: str | None
    split: str
    jpeg: bytes | None


def choose_rows(columns: Columns, years: int, per_band: int = PER_BAND) -> list[int]:
    """Choose rows of each age band, youngest first; the lowest digests, so the choice is stable.

    Args:
        columns: of the data set.
        years: the width of a band.
        per_band: the largest number of rows from one band.
    """
    digests = np.array([int(text[:15], 16) for text in columns.table["sha256"].to_pylist()])
    bands = columns.ages // years
    order = np.lexsort((digests, bands))
    place = np.arange(len(order)) - np.searchsorted(bands[order], bands[order])
    chosen = order[place < per_band]
    return [int(row) for row in chosen[np.argsort(columns.ages[chosen], kind="stable")]]


def read_samples(layout: Layout, columns: Columns, rows: Sequence[int]) -> list[Sample]:
    """Read the images of some rows; one row group is in memory at a time.

    Raises:
        InvalidDataset: a file is damaged.
    """
    thumbnails: dict[int, bytes | None] = {}
    start = 0
    for part, count in columns.parts:
        wanted = sorted(row - start for row in rows if start <= row < start + count)
        for row, image in _read_part(layout, part, wanted):
            thumbnails[start + row] = _thumbnail(image)
        start += count
    return [
        Sample(
            age_years=float(columns.ages[row]),
            gender=columns.table["gender"][row].as_py(),
            split=columns.split_names[columns.split_of[row]],
            jpeg=thumbnails[row],
        )
        for row in rows
    ]


def _read_part(layout: Layout, part: str, wanted: Sequence[int]) -> list[tuple[int, bytes]]:
    if not wanted:
        return []
    found: list[tuple[int, bytes]] = []
    with layout.open(part) as file:
        start = 0
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            inside = [row for row in wanted if start <= row < start + count]
            if inside:
                column = file.read_row_group(group, columns=["image"])["image"]
                found += [(row, column[row - start].as_py()) for row in inside]
            start += count
    return found


def _thumbnail(image: bytes) -> bytes | None:
    try:
        thumbnail = Image.fromarray(decode(image))
    except FaceageError:
        return None
    thumbnail.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    stream = BytesIO()
    thumbnail.save(stream, "JPEG", quality=82)
    return stream.getvalue()
