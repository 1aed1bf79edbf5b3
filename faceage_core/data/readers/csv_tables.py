"""Shared by readers of CSV files: rows, and the values in their cells."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset
from faceage_core.types import Gender

_GENDERS: dict[str, Gender] = {
    "f": "female",
    "female": "female",
    "woman": "female",
    "m": "male",
    "male": "male",
    "man": "male",
}
_SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}


@dataclass(frozen=True)
class Row:
    """One row of a CSV file.

    Attributes:
        line: the number of its first line, from 1.
        cells: stripped values by column; a short row lacks the last columns.
        fault: why the values may be in the wrong columns; None if they are not.
    """

    line: int
    cells: dict[str, str]
    fault: str | None


def read_rows(source: Folder, path: str, columns: Sequence[str]) -> list[Row]:
    """Read a CSV file with a header; column names are case-insensitive.

    Args:
        source: the folder.
        path: the file, relative to the folder.
        columns: the required columns.

    Raises:
        InvalidDataset: the file is not UTF-8 text, is malformed, has no rows, lacks a column or
            names a column twice.
    """
    required = ", ".join(columns)
    try:
        text = source.read(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidDataset(f"expected a CSV with {required}; {path} is not UTF-8 text") from None
    rows: list[tuple[int, list[str]]] = []
    reader, line = csv.reader(io.StringIO(text, newline=""), strict=True), 1
    try:
        for row in reader:
            rows.append((line, row))
            line = reader.line_num + 1  # a quoted cell may hold several lines
    except csv.Error as error:
        raise InvalidDataset(
            f"expected a CSV with {required}; {path} is malformed in line {reader.line_num}: "
            f"{error}"
        ) from None
    header = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    missing = [column for column in columns if column not in header]
    if missing:
        raise InvalidDataset(
            f"expected the columns {required} in {path}; it lacks {', '.join(missing)} and has "
            f"{', '.join(header) or 'none'}"
        )
    if repeated := [column for column, times in Counter(header).items() if column and times > 1]:
        raise InvalidDataset(
            f"expected each column once in {path}; its header has {', '.join(repeated)} more "
            "than once"
        )
    filled = [(line, row) for line, row in rows[1:] if any(row)]
    if not filled:
        raise InvalidDataset(
            f"expected rows below the header of {path}; there are none, so it lists no image"
        )
    return [_row(line, header, row) for line, row in filled]


def _row(line: int, header: list[str], fields: list[str]) -> Row:
    cells = [field.strip() for field in fields]
    # A surplus cell may come from a decimal comma; an empty one comes from a trailing comma.
    surplus = any(cells[len(header) :])
    return Row(
        line,
        dict(zip(header, cells, strict=False)),
        f"the row has {len(fields)} fields, the header {len(header)}" if surplus else None,
    )


def parse_gender(text: str) -> Gender | None:
    """The gender that a text stands for; None if it is unknown."""
    return _GENDERS.get(text.lower())


def parse_split_name(text: str) -> str | None:
    """The split that a text stands for; None if it is unknown."""
    return _SPLITS.get(text.lower())


def parse_number(text: str) -> float | None:
    """A finite number, or None; Python's underscores, as in 2_5, are not accepted."""
    try:
        if "_" in text:
            return None
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None
