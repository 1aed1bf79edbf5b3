"""Where the parts of a prepared data set lie, on this machine or in an object store."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from faceage_core.data.manifest import Manifest, read_manifest
from faceage_core.data.schema import REJECTED_SCHEMA, SCHEMA
from faceage_core.data.storage import Folder, cause
from faceage_core.errors import InvalidDataset

REJECTED = "rejected.parquet"
PART = re.compile(r"([\w-]+)/part-\d{5,}\.parquet")  # of a split, which is the group


@dataclass(frozen=True)
class Layout:
    """A prepared data set that has been found; no picture of it has been read.

    Attributes:
        folder: where it lies.
        manifest: of it.
        splits: the name of each split and its files in it, both in the order of their names.
    """

    folder: Folder
    manifest: Manifest
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

    @contextmanager
    def open(self, part: str, dictionary: Iterable[str] = ()) -> Iterator[pq.ParquetFile]:
        """Open one file, of which nothing but the footer is read yet.

        Args:
            part: one of `parts`, or `REJECTED`.
            dictionary: text columns to be read as codes and words, which repeat less in memory.

        Raises:
            InvalidDataset: it is not a whole Parquet file of the schema, or what is read of it is
                damaged.
        """
        try:
            file = pq.ParquetFile(
                f"{self.folder.path}/{part}",
                filesystem=self.folder.filesystem,
                read_dictionary=list(dictionary),
            )
        except pa.ArrowInvalid:
            raise InvalidDataset(f"{part} of {self.name} is not a whole Parquet file") from None
        with file:
            expected = REJECTED_SCHEMA if part == REJECTED else SCHEMA
            if missing := set(expected.names) - set(file.schema_arrow.names):
                names = ", ".join(sorted(missing))
                raise InvalidDataset(f"{part} of {self.name} lacks the columns {names}")
            try:
                yield file
            except (pa.ArrowException, OSError) as error:
                if isinstance(error, OSError) and error.errno:  # of a disk, not of what it holds
                    raise
                raise InvalidDataset(f"{part} of {self.name} is damaged: {cause(error)}") from None

    def require_whole(self) -> None:
        """Compare the parts with the manifest.

        Raises:
            InvalidDataset: pictures are missing, or there are more; or as for `open`.
        """
        for split, expected in self.manifest.splits.items():
            found = 0
            for part in self.parts(split):
                with self.open(part) as file:
                    found += file.metadata.num_rows
            if found != expected:
                raise InvalidDataset(
                    f"{split} of {self.name} holds {found} pictures, its manifest says {expected}: "
                    "prepare it again"
                )


def find_layout(source: str | Path) -> Layout:
    """Find a prepared data set.

    Args:
        source: its directory, or its address (s3://, gs://, file://).

    Raises:
        InvalidDataset: it is not there, `faceage prepare` did not finish it, or it is not whole.
    """
    folder = Folder.at(str(source))
    if folder.file is not None or not folder.exists():
        raise InvalidDataset(f"{source} is no directory; `faceage prepare` makes data sets")
    return layout_of(folder)


def layout_of(folder: Folder) -> Layout:
    """The prepared data set in a folder.

    Raises:
        InvalidDataset: `faceage prepare` did not finish it, or it is not whole.
    """
    manifest = read_manifest(folder)
    parts = [path for path in sorted(folder.files) if PART.fullmatch(path)]
    splits = {
        split: tuple(path for path in parts if path.startswith(f"{split}/"))
        for split in sorted(manifest.splits)
    }
    layout = Layout(folder, manifest, splits)
    layout.require_whole()
    return layout
