"""Where the parts of a prepared data set lie, on this machine or in an object store."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from faceage_core.data.schema import REJECTED_SCHEMA, SCHEMA
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset

MANIFEST, REJECTED = "manifest.json", "rejected.parquet"


@dataclass(frozen=True)
class Layout:
    """A prepared data set that has been found; no picture of it has been read.

    Attributes:
        folder: where it lies.
        manifest: the parsed manifest.json.
        splits: the name of each split and its files in it, both in the order of their names.
    """

    folder: Folder
    manifest: Mapping[str, Any]
    splits: Mapping[str, tuple[str, ...]]

    @property
    def name(self) -> str:
        """The data set's own name, for messages."""
        return self.folder.name

    def parts(self, split: str) -> tuple[str, ...]:
        """The files of one split, relative to the folder.

        Raises:
            InvalidDataset: there is no split of that name.
        """
        if split not in self.splits:
            known = ", ".join(self.splits)
            raise InvalidDataset(f"data set {self.name} has no split {split!r}; it has {known}")
        return self.splits[split]

    def open(self, part: str, dictionary: Iterable[str] = ()) -> pq.ParquetFile:
        """Open one file, of which nothing but the footer is read yet.

        Args:
            part: one of `parts`, or `REJECTED`.
            dictionary: text columns to be read as codes and words, which repeat less in memory.

        Raises:
            InvalidDataset: it is not a whole Parquet file of the schema.
        """
        try:
            file = pq.ParquetFile(
                f"{self.folder.path}/{part}",
                filesystem=self.folder.filesystem,
                read_dictionary=list(dictionary),
            )
        except pa.ArrowInvalid:
            raise InvalidDataset(f"{part} of {self.name} is not a whole Parquet file") from None
        expected = REJECTED_SCHEMA if part == REJECTED else SCHEMA
        if missing := set(expected.names) - set(file.schema_arrow.names):
            names = ", ".join(sorted(missing))
            raise InvalidDataset(f"{part} of {self.name} lacks the columns {names}")
        return file


def find_layout(source: str | Path) -> Layout:
    """Find a prepared data set.

    Args:
        source: its directory, or its address (s3://, gs://, file://).

    Raises:
        InvalidDataset: it is not there, or `faceage prepare` did not finish it.
    """
    folder = Folder.at(str(source))
    if folder.file is not None or not folder.exists():
        raise InvalidDataset(f"{source} is no directory; `faceage prepare` makes data sets")
    manifest = _read_manifest(folder)
    splits: dict[str, list[str]] = {}
    for path in sorted(folder.files):
        split, _, name = path.partition("/")
        hidden = split.startswith((".", "_"))
        if not hidden and name.startswith("part-") and name.endswith(".parquet"):
            splits.setdefault(split, []).append(path)
    if not splits:
        raise InvalidDataset(
            f"data set {folder.name} holds no split: a directory as train/ with part-*.parquet"
        )
    return Layout(folder, manifest, {split: tuple(parts) for split, parts in splits.items()})


def _read_manifest(folder: Folder) -> dict[str, Any]:
    if MANIFEST not in folder.files:
        raise InvalidDataset(
            f"{folder.name} has no {MANIFEST}: `faceage prepare` did not make it or not finish it"
        )
    try:
        manifest = json.loads(folder.read(MANIFEST))
    except ValueError:
        raise InvalidDataset(f"the {MANIFEST} of data set {folder.name} is not JSON") from None
    if not isinstance(manifest, dict):
        raise InvalidDataset(f"the {MANIFEST} of data set {folder.name} is not a JSON object")
    return manifest
