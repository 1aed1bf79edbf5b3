"""The readers of raw data sets; a new one is a module and a line in `READERS`.

A reader is a module with the publishers' terms, `LICENSE`, and a pure function that lists the
images of a source without opening them:

    entries(source: Folder) -> Iterator[Entry | Rejection]

It raises InvalidDataset if the source is not the expected one. The images are read later, by many
workers, through the same file system.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faceage_core.data.schema import Entry, Rejection
    from faceage_core.data.storage import Folder

# Data set -> module of this package, imported on first use.
READERS = {
    "utkface": "utkface",
    "cacd": "cacd",
    "imdb-wiki": "imdb_wiki",
    "imdb-clean": "imdb_clean",
    "agedb": "agedb",
    "fgnet": "fgnet",
    "csv": "custom_csv",
}


@dataclass(frozen=True)
class Reader:
    """Lists the images of a data set; its license is the publishers' terms."""

    entries: "Callable[[Folder], Iterator[Entry | Rejection]]"
    license: str


def load_reader(name: str) -> Reader:
    """Import the reader of a data set, one of READERS."""
    module = import_module(f"{__name__}.{READERS[name]}")
    return Reader(module.entries, module.LICENSE)
