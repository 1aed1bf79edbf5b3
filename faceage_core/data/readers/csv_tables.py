"""What the readers of CSV files share."""

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
        line: on which it begins, from 1.
        cells: by column, each stripped; a short row lacks columns.
        fault: why its cells may stand in the wrong columns; None where they do not.
    """

    line: int
    cells: dict[str, str]
    fault: str | None


def read_rows(source: Folder, path: str, columns: Sequence[str]) -> list[Row]:
    """The rows of a CSV file with a header, whose names may be of any case.

    Args:
        source: where it lies.
        path: of the file.
        columns: those it must have.

    Raises:
        InvalidDataset: it is no text, has no rows, lacks a column, or names one twice.
    """
    wanted = ", ".join(columns)
    try:
        text = source.read(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidDataset(f"expected a CSV with {wanted}; {path} is not UTF-8 text") from None
    rows: list[tuple[int, list[str]]] = []
    reader, line = csv.reader(io.StringIO(text, newline=""), strict=True), 1
    try:
        for row in reader:
            rows.append((line, row))
            line = reader.line_num + 1  # a quoted cell may hold several lines
    except csv.Error as error:
        raise InvalidDataset(
            f"expected a CSV with {wanted}; {path} is broken in line {reader.line_num}: {error}"
        ) from None
    header = [cell.strip().lower() for cell in rows[0][1]] if rows else []
    missing = [column for column in columns if column not in header]
    if missing:
        raise InvalidDataset(
            f"expected the columns {wanted} in {path}; it lacks {', '.join(missing)} and has "
            f"{', '.join(header) or 'none'}"
        )
    if twice := [column for column, times in Counter(header).items() if column and times > 1]:
        raise InvalidDataset(
            f"expected each column once in {path}; its header has {', '.join(twice)} more than once"
        )
    filled = [(line, row) for line, row in rows[1:] if any(row)]
    if not filled:
        raise InvalidDataset(
            f"expected rows below the header of {path}; there are none, so it lists no picture"
        )
    return [_row(line, header, row) for line, row in filled]


def _row(line: int, header: list[str], fields: list[str]) -> Row:
    cells = [field.strip() for field in fields]
    surplus = any(cells[len(header) :])  # a decimal comma, say; empty ones follow a trailing comma
    return Row(
        line,
        dict(zip(header, cells, strict=False)),
        f"the row has {len(fields)} fields, the header {len(header)}" if surplus else None,
    )


def gender_of(word: str) -> Gender | None:
    """The gender that a word stands for; None for a word that is none of ours."""
    return _GENDERS.get(word.lower())


def split_of(word: str) -> str | None:
    """The split that a word stands for; None for a word that is none of ours."""
    return _SPLITS.get(word.lower())


def number(text: str) -> float | None:
    """A finite number, or None; not Python's 2_5, which elsewhere is no way to write 25."""
    try:
        if "_" in text:
            return None
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None
