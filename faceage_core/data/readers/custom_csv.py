"""Your own images: a CSV with the columns name and age, beside the images or their folder.

Optional columns: gender (female or male), race, identity, split (train, val or test). A source is
one CSV file, a folder with one, or a folder with train.csv and val.csv (and test.csv), which then
are the splits.
"""

from collections.abc import Iterator
from dataclasses import replace
from posixpath import normpath

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

LICENSE = "Your own data: whoever uses it answers for the right to do so."
EXPECTED = "a CSV with the columns name and age, or train.csv and val.csv, and the pictures"


def entries(source: Folder) -> Iterator[Entry | Rejection]:
    """List the images that a CSV names."""
    if source.file is None:
        require_folder(source, EXPECTED)
    images = _images_by_name(source)
    for path, split in _tables(source):
        for row in read_rows(source, path, ("name", "age")):
            location = f"{base_name(path)}, line {row.line}"
            item: Entry | Rejection
            if row.fault:
                name = row.cells["name"] or location
                item = Rejection(name, "label_unreadable", f"{location}: {row.fault}")
            else:
                item = _entry(row.cells, images, location=location)
            yield replace(item, split=split or parse_split_name(row.cells.get("split", "")))


def _tables(source: Folder) -> list[tuple[str, str | None]]:
    """The CSV files to read, each with the split that its file name states, if any."""
    if source.file is not None:
        if not source.file.lower().endswith(".csv"):
            raise InvalidDataset(f"expected {EXPECTED}; found the file {source.file}")
        return [(source.file, None)]
    tables = [
        path for path in readable_paths(source) if path.lower().endswith(".csv") and "/" not in path
    ]
    if {"train.csv", "val.csv"} <= set(tables):
        return [(f"{s}.csv", s) for s in ("train", "val", "test") if f"{s}.csv" in tables]
    if len(tables) > 1:
        raise InvalidDataset(f"expected {EXPECTED}; found {', '.join(tables)}: name one of them")
    if not tables:
        raise InvalidDataset(f"expected {EXPECTED}; {describe_contents(source)}")
    return [(tables[0], None)]


def _images_by_name(source: Folder) -> dict[str, list[str]]:
    """The images that a name can refer to: the one with that path, or those with that file name."""
    paths = image_paths(source)
    by_name: dict[str, list[str]] = {}
    for path in paths:
        by_name.setdefault(base_name(path), []).append(path)
    return by_name | {path: [path] for path in paths}


def _entry(
    row: dict[str, str], images: dict[str, list[str]], *, location: str
) -> Entry | Rejection:
    name, age = row.get("name", ""), parse_number(row.get("age", ""))
    gender, split = row.get("gender", ""), row.get("split", "")
    found = images.get(normpath(name), [])  # "./faces/1.jpg" is faces/1.jpg
    if not found:
        return Rejection(
            name or location, "missing_file", f"{location}: there is no picture {name!r}"
        )
    if len(found) > 1:
        times = f"{name!r} occurs {len(found)} times, such as {found[0]}: give the path"
        return Rejection(name, "missing_file", f"{location}: {times}")
    if age is None:
        return Rejection(name, "age_missing", f"{location}: the age must be a number of years")
    if gender and parse_gender(gender) is None:
        return Rejection(name, "gender_unknown", f"{location}: female or male, got {gender!r}")
    if split and parse_split_name(split) is None:
        return Rejection(name, "split_unknown", f"{location}: train, val or test, got {split!r}")
    return check_age(
        Entry(
            path=found[0],
            name=name,
            age_years=age,
            gender=parse_gender(gender),
            race=row.get("race") or None,
            identity=row.get("identity") or None,
        )
    )
