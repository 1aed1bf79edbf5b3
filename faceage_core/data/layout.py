"""The files of a prepared data set, on a local disk or in an object store."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from faceage_core.data.manifest import Manifest, read_manifest
from faceage_core.data.schema import REJECTED_SCHEMA, SCHEMA
from faceage_core.data.storage import Folder, describe_error
from faceage_core.errors import InvalidDataset

REJECTED = "rejected.parquet"
PART = re.compile(r"([\w-]+)/part-\d{5,}\.parquet")  # the group is the split


@dataclass(frozen=True)
class Layout:
    """The files of a prepared data set; images are not read.

    Attributes:
        folder: the data set's folder.
        manifest: its manifest.
        splits: the files of each split, relative to the folder; splits and files sorted by name.
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
            InvalidDataset: the split does not exist.
        """
        if split not in self.splits:
            known = ", ".join(self.splits)
            raise InvalidDataset(f"data set {self.name} has no split {split!r}; it has {known}")
        return self.splits[split]

    @contextmanager
    def open(self, part: str, dictionary: Iterable[str] = ()) -> Iterator[pq.ParquetFile]:
        """Open one file; only its footer is read.

        Args:
            part: one of `parts`, or `REJECTED`.
            dictionary: text columns to read dictionary-encoded, which takes less memory.

        Raises:
            InvalidDataset: the file is not a complete Parquet file of the schema, or a page that is
                read is damaged.
        """
        try:
            file = pq.ParquetFile(
                f"{self.folder.path}/{part}",
                filesystem=self.folder.filesystem,
                read_dictionary=list(dictionary),
            )
        except pa.ArrowInvalid:
            raise InvalidDataset(f"{part} of {self.name} is not a complete Parquet file") from None
        with file:
            expected = REJECTED_SCHEMA if part == REJECTED else SCHEMA
            if missing := set(expected.names) - set(file.schema_arrow.names):
                names = ", ".join(sorted(missing))
                raise InvalidDataset(f"{part} of {self.name} lacks the columns {names}")
            try:
                yield file
            except (pa.ArrowException, OSError) as error:
                if isinstance(error, OSError) and error.errno:  # of the disk, not of the content
                    raise
                raise InvalidDataset(
                    f"{part} of {self.name} is damaged: {describe_error(error)}"
                ) from None

    def check_complete(self) -> None:
        """Compare the number of rows of each split with the manifest.

        Raises:
            InvalidDataset: the numbers differ; or as for `open`.
        """
        for split, expected in self.manifest.splits.items():
            found = 0
            for part in self.parts(split):
                with self.open(part) as file:
                    found += file.metadata.num_rows
            if found != expected:
                raise InvalidDataset(
                    f"{split} of {self.name} holds {found} images, its manifest says {expected}: "
                    "prepare it again"
                )


def find_layout(source: str | Path) -> Layout:
    """Find a prepared data set.

    Args:
        source: its directory, or its URI (s3://, gs://, file://).

    Raises:
        InvalidDataset: it does not exist, is unfinished, or is incomplete.
    """
    folder = Folder.at(str(source))
    if folder.file is not None or not folder.exists():
        raise InvalidDataset(f"{source} is not a directory; `faceage prepare` makes data sets")
    return read_layout(folder)


def read_layout(folder: Folder) -> Layout:
    """The prepared data set in a folder.

    Raises:
        InvalidDataset: it is unfinished or incomplete.
    """
    manifest = read_manifest(folder)
    parts = [path for path in sorted(folder.files) if PART.fullmatch(path)]
    splits = {
        split: tuple(path for path in parts if path.startswith(f"{split}/"))
        for split in sorted(manifest.splits)
    }
    layout = Layout(folder, manifest, splits)
    layout.check_complete()
    return layout
