"""IMDB-Clean: 287,683 photos of IMDB-WIKI with corrected ages, in the publishers' own three splits.

Lin, Shen, Wang and Pantic, "FP-Age: Leveraging Face Parsing Attention for Facial Age Estimation in
the Wild", 2021. Its script writes imdb_{train,valid,test}_new_1024.csv and the images in
imdb-clean-1024/NN/; without that step there are imdb_{train,valid,test}_new.csv and IMDB-WIKI's
full photos in imdb/NN/. Either is accepted. Columns: filename (NN/nm..._rm....jpg), age, gender (M
or F), x_min, y_min, x_max, y_max (the face, in pixels of that image); head angles are ignored.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from faceage_core.data.readers.csv_tables import (
    parse_gender,
    parse_number,
    parse_split_name,
    read_rows,
)
from faceage_core.data.readers.folders import (
    base_name,
    check_age,
    describe_contents,
    image_paths,
    readable_paths,
    require_folder,
)
from faceage_core.data.schema import Entry, Rejection
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset
from faceage_core.types import Box

LICENSE = (
    "IMDB-Clean (https://github.com/yiminglin-ai/imdb-clean): annotations under the MIT licence; "
    "the images are IMDB-WIKI's, made available for academic research purpose only, and their "
    "copyright belongs to the original owners."
)
EXPECTED = (
    "imdb_{train,valid,test}_new_1024.csv with imdb-clean-1024/, or "
    "imdb_{train,valid,test}_new.csv with imdb/"
)
COLUMNS = ("filename", "age", "gender", "x_min", "y_min", "x_max", "y_max")

_CSV = re.compile(r"imdb_(train|valid|test)_new(_1024)?\.csv")
_PERSON = re.compile(r"(nm\d+)_")


def entries(source: Folder) -> Iterator[Entry | Rejection]:
    """List the images of an IMDB-Clean folder."""
    require_folder(source, EXPECTED)
    tables = [
        (path, match)
        for path in readable_paths(source)
        if (match := _CSV.fullmatch(base_name(path)))
    ]
    resized = any(match[2] for _, match in tables)
    if not tables:
        raise InvalidDataset(f"expected {EXPECTED}; {describe_contents(source)}")
    images = _images_by_name(source, "imdb-clean-1024" if resized else "imdb")
    for path, match in tables:
        if bool(match[2]) == resized:
            for row in read_rows(source, path, COLUMNS):
                item: Entry | Rejection
                if row.fault:
                    item = Rejection(_name(row.cells), "label_unreadable", row.fault)
                else:
                    item = _entry(row.cells, images)
                yield replace(item, split=parse_split_name(match[1]))


def _images_by_name(source: Folder, folder: str) -> dict[str, str]:
    """The paths of the images by their last two parts, as the tables name them."""
    images = {
        "/".join(path.split("/")[-2:]): path
        for path in image_paths(source)
        if folder in path.split("/")[:-1]
    }
    if not images:
        raise InvalidDataset(f"expected the images in {folder}/; {describe_contents(source)}")
    return images


def _name(row: dict[str, str]) -> str:
    return "/".join(row.get("filename", "").split("/")[-2:])


def _entry(row: dict[str, str], images: dict[str, str]) -> Entry | Rejection:
    name = _name(row)
    if name not in images:
        return Rejection(name, "missing_file", "the table names it, but there is no such file")
    if lacking := [column for column in COLUMNS if column not in row]:
        # The table is truncated, and the last number of the row may lack digits.
        return Rejection(name, "row_cut_short", f"its row lacks {', '.join(lacking)}")
    age, corners = parse_number(row["age"]), [parse_number(row[column]) for column in COLUMNS[3:]]
    if age is None:
        return Rejection(name, "age_missing", f"the age must be a number, got {row['age']!r}")
    person = _PERSON.match(base_name(name))
    x1, y1, x2, y2 = corners
    has_box = x1 is not None and y1 is not None and x2 is not None and y2 is not None
    return check_age(
        Entry(
            path=images[name],
            name=name,
            age_years=age,
            gender=parse_gender(row["gender"]),
            identity=person[1] if person else None,
            box=Box(x1, y1, x2, y2) if has_box else None,  # type: ignore[arg-type]
        )
    )
