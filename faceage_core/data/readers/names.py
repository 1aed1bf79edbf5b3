"""What the readers of folders share: pictures whose file names hold the labels."""

import re
from collections.abc import Callable, Iterator

from faceage_core.data.schema import MAX_AGE_YEARS, MIN_AGE_YEARS, Entry, Rejection
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset
from faceage_core.files.names import printable_name

_PICTURE = re.compile(r"\.(jpe?g|jfif|png|webp|bmp|tiff?|gif|heic|heif|avif)$", re.IGNORECASE)
_IN_HIDDEN_FOLDER = re.compile(r"(^|/)\.[^/]*/")  # thumbnails, a notebook's checkpoints, ...
_ARCHIVE = re.compile(r"\.(tar|tgz|gz|zip|7z|rar|part|crdownload|download)$", re.IGNORECASE)


def pictures(source: Folder) -> list[str]:
    """The paths of all pictures of a folder and its folders, sorted."""
    return [path for path in usable(source) if _PICTURE.search(path)]


def usable(source: Folder) -> list[str]:
    """The paths of the files that can be opened and lie in no hidden folder, sorted."""
    return [path for path in _seen(source) if printable_name(path) == path]


def _seen(source: Folder) -> list[str]:
    return [path for path in source.files if not _IN_HIDDEN_FOLDER.search(path)]


def labelled(
    source: Folder,
    pattern: re.Pattern[str],
    expected: str,
    entry: Callable[[str, re.Match[str]], Entry],
) -> Iterator[Entry | Rejection]:
    """Every picture whose file name carries its labels.

    Args:
        source: the folder; pictures may lie in folders below it.
        pattern: what a whole file name looks like.
        expected: that in words, for messages.
        entry: from a picture's path and its match.

    Raises:
        InvalidDataset: the source is no folder, or not one picture's name fits.
    """
    require_folder(source, expected)
    found = [(path, pattern.fullmatch(base_name(path))) for path in pictures(source)]
    if not any(match for _, match in found):
        raise InvalidDataset(f"expected {expected}; {contents(source)}")
    for path in _seen(source):
        if _PICTURE.search(path) and printable_name(path) != path:
            yield Rejection(
                printable_name(path), "name_not_utf8", "a path must be UTF-8 text to be read"
            )
    for path, match in found:
        if match is None:
            yield Rejection(path, "name_off_pattern", f"expected {expected}")
        else:
            yield checked(entry(path, match))


def checked(entry: Entry) -> Entry | Rejection:
    """The entry, unless nobody is that old."""
    if MIN_AGE_YEARS <= entry.age_years <= MAX_AGE_YEARS:
        return entry
    return Rejection(
        entry.name,
        "age_impossible",
        f"the age must be {MIN_AGE_YEARS:g} to {MAX_AGE_YEARS:g} years, got {entry.age_years:g}",
    )


def require_folder(source: Folder, expected: str) -> None:
    """Refuse a file, a missing folder and an empty one.

    Raises:
        InvalidDataset: it is one of these.
    """
    if source.file is not None:
        raise InvalidDataset(f"expected a folder with {expected}; found {_file(source.file)}")
    if not source.exists():
        raise InvalidDataset(f"expected a folder with {expected}; there is no {source.name}")
    if not _seen(source):
        raise InvalidDataset(f"expected {expected}; the folder {source.name} is empty")


def contents(source: Folder) -> str:
    """What a folder holds, in a few words, for a message that it is the wrong one."""
    files = [printable_name(path) for path in _seen(source)]
    archives = [path for path in files if _ARCHIVE.search(path)]
    if archives:
        return f"found {_file(archives[0])}"
    found = pictures(source)
    if found:
        return f"found {len(found)} pictures named otherwise, such as {base_name(found[0])}"
    return f"found no picture among {len(files)} files, such as {base_name(files[0])}"


def base_name(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def _file(path: str) -> str:
    if _ARCHIVE.search(path):
        return f"the archive {base_name(path)}: download it whole and extract it first"
    return f"the file {base_name(path)}"
