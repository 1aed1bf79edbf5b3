"""IMDB-WIKI: half a million photos of celebrities, with their dates of birth.

Rothe, Timofte and Van Gool, "Deep expectation of real and apparent age from a single image without
facial landmarks", 2016. The labels are in imdb.mat and wiki.mat; the age is taken
in the middle of the year of the photo. The usual cleaning is applied: one face, a detection score
of at least 1, 0 to 100 years. Many of the remaining labels are wrong: prefer IMDB-Clean.
"""

import io
import math
from collections.abc import Iterator
from datetime import date
from typing import Any

from faceage_core.data.readers.folders import base_name, describe_contents, require_folder
from faceage_core.data.schema import Entry, Rejection
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset
from faceage_core.types import Box, Gender

LICENSE = (
    "IMDB-WIKI (https://data.vision.ee.ethz.ch/cvl/rrothe/imdb-wiki/): made available for academic "
    "research purpose only; the copyright of the images belongs to the original owners."
)
EXPECTED = "imdb.mat or wiki.mat beside the numbered folders of photos, or that in imdb_crop/, ..."
MIN_FACE_SCORE = 1.0
MAX_AGE_YEARS = 100.0

_PARTS = ("imdb", "wiki")
_FIELDS = (
    "dob", "photo_taken", "full_path", "gender", "name", "face_location", "face_score",
    "second_face_score",
)  # fmt: skip
_NUMBERS = ("dob", "photo_taken", "face_score", "second_face_score")
_MATLAB_DAY_ZERO = 366  # MATLAB counts days from the year 0, Python from the year 1
_DAYS_A_YEAR = 365.2425


def entries(source: Folder) -> Iterator[Entry | Rejection]:
    """List the images of an IMDB-WIKI folder: imdb, wiki, or both."""
    require_folder(source, EXPECTED)
    tables = [(part, path) for part in _PARTS if (path := _find_table(source, part))]
    if not tables:
        raise InvalidDataset(f"expected {EXPECTED}; {describe_contents(source)}")
    for part, path in tables:
        yield from _part_entries(source, part, path)


def _find_table(source: Folder, part: str) -> str | None:
    places = (f"{part}.mat", f"{part}_crop/{part}.mat", f"{part}/{part}.mat")
    return next((path for path in places if path in source.files), None)


def _part_entries(source: Folder, part: str, path: str) -> Iterator[Entry | Rejection]:
    folder = path.rpartition("/")[0]
    # Boxes refer to the full photo; in the published crop the face is in the center anyway.
    cropped = (folder or source.name).endswith("_crop")
    for row in _rows(source, part, path):
        names = _texts(row["full_path"])
        photo = names[0] if len(names) == 1 else ""
        photo = f"{folder}/{photo}" if folder else photo
        reason = (
            _rejection_reason(row) if photo in source.files else ("missing_file", "no such file")
        )
        if reason is not None:
            yield Rejection(photo, *reason)
            continue
        age = _age_years(row)
        assert age is not None
        yield Entry(
            path=photo,
            name=photo,
            age_years=age,
            gender=_gender(row["gender"]),
            identity=next(iter(_texts(row["name"])), None),
            box=None if cropped else _box(row["face_location"]),
        )


def _rows(source: Folder, part: str, path: str) -> Iterator[dict[str, Any]]:
    """Read the table's rows: scalars as numbers or None, cells as SciPy returns them."""
    from scipy.io import loadmat

    try:
        file: Any = io.BytesIO(source.read(path))
        table = loadmat(file, variable_names=[part])[part][0, 0]
        columns = {field: table[field].ravel() for field in _FIELDS}
    except NotImplementedError:  # SciPy's error for version 7.3
        raise InvalidDataset(
            f"expected a MATLAB file as published; {base_name(path)} is one of version 7.3, which "
            "is not read: save it from MATLAB with -v7"
        ) from None
    except (KeyError, IndexError):
        raise InvalidDataset(f"expected the struct {part} in {path} with {_FIELDS}") from None
    except Exception as error:  # for a damaged file SciPy raises many kinds of errors
        raise InvalidDataset(
            f"expected a MATLAB file; {base_name(path)} is damaged or cut short "
            f"({type(error).__name__})"
        ) from None
    lengths = {field: len(column) for field, column in columns.items()}
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{field} {length}" for field, length in lengths.items())
        raise InvalidDataset(f"expected columns of one length in {base_name(path)}; found {found}")
    for values in zip(*columns.values(), strict=True):
        row = dict(zip(columns, values, strict=True))
        yield row | {field: _number(row[field]) for field in (*_NUMBERS, "gender")}


def _rejection_reason(row: dict[str, Any]) -> tuple[str, str] | None:
    """Why a row cannot be used, as reason and detail; None if it can."""
    if bad := [field for field in _NUMBERS if row[field] is None]:
        return "label_unreadable", f"{bad[0]} must be a number"
    score = row["face_score"]
    age = _age_years(row)
    if score == -math.inf or math.isnan(score):
        return "no_face", "its publishers' detector found no face"
    if score < MIN_FACE_SCORE:
        return "doubtful_face", f"the face's score must be >= {MIN_FACE_SCORE:g}, got {score:g}"
    if math.isfinite(row["second_face_score"]):
        return "several_faces", "whose age it is cannot be told"
    if age is None:
        return "age_missing", "the date of birth or the year of the photo is missing"
    if not 0 <= age <= MAX_AGE_YEARS:
        return "age_impossible", f"the age must be 0 to {MAX_AGE_YEARS:g} years, got {age:g}"
    return None


def _age_years(row: dict[str, Any]) -> float | None:
    """The age on 1 July of the year of the photo; None if a date is invalid."""
    day: float = row["dob"] - _MATLAB_DAY_ZERO
    taken: float = row["photo_taken"]
    if not (1 <= day < date.max.toordinal() + 1 and 1 <= taken < date.max.year + 1):
        return None
    return _years_between(date.fromordinal(int(day)), date(int(taken), 7, 1))


def _years_between(born: date, then: date) -> float:
    """Calendar years, so that a birthday gives a whole number, plus days as a fraction."""
    leap_day = (born.month, born.day) == (2, 29)
    birthday = date(then.year, born.month, 28 if leap_day else born.day)
    return then.year - born.year + (then - birthday).days / _DAYS_A_YEAR


def _number(cell: Any) -> float | None:
    """The single number in a cell; None if it holds anything else."""
    try:
        value: float = float(cell.item())
    except (AttributeError, TypeError, ValueError):
        return None
    return value


def _gender(code: float | None) -> Gender | None:
    return "female" if code == 0 else "male" if code == 1 else None


def _texts(cell: Any) -> list[str]:
    """The texts in a cell, which MATLAB nests; empty texts are left out."""
    return [str(text) for text in getattr(cell, "ravel", lambda: [cell])() if str(text)]


def _box(cell: Any) -> Box | None:
    """Convert from MATLAB's coordinates, which begin at 1."""
    corners = [_number(value) for value in cell.ravel()]
    given = [corner - 1 for corner in corners if corner is not None and math.isfinite(corner)]
    return Box(*given) if len(given) == len(corners) == 4 else None
