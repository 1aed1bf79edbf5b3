"""List a raw data set with its reader."""

from pathlib import Path

from faceage_core.data.readers import load_reader
from faceage_core.data.schema import Entry, Rejection
from faceage_core.data.storage import Folder


def listed(dataset: str, source: Path) -> tuple[dict[str, Entry], dict[str, str]]:
    items = list(load_reader(dataset).entries(Folder.at(str(source))))
    entries = {item.name: item for item in items if isinstance(item, Entry)}
    rejections = {item.name: item.reason for item in items if isinstance(item, Rejection)}
    assert len(entries) + len(rejections) == len(items)
    assert all((source / entry.path).is_file() for entry in entries.values())
    return entries, rejections
