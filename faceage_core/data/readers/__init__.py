"""The data sets that can be read: a file and a line each.

A reader is a module with the publishers' terms, `LICENSE`, and a pure function that lists a source,
picture by picture, without opening a picture:

    entries(source: Folder) -> Iterator[Entry | Rejection]

It raises InvalidDataset where the source is not what it expects. Pictures are read later, by many
workers, through the same file system.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faceage_core.data.schema import Entry, Rejection
    from faceage_core.data.storage import Folder

# By name, the module; nothing is imported before it is needed.
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
    """How one data set is listed, and on what terms its publishers give it."""

    entries: "Callable[[Folder], Iterator[Entry | Rejection]]"
    license: str


def load_reader(name: str) -> Reader:
    """The reader of that name, one of READERS."""
    module = import_module(f"{__name__}.{READERS[name]}")
    return Reader(module.entries, module.LICENSE)
