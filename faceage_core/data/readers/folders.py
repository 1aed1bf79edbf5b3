"""Shared by readers of folders: image files, and labels in file names."""

import re
from collections.abc import Callable, Iterator

from faceage_core.data.schema import MAX_AGE_YEARS, MIN_AGE_YEARS, Entry, Rejection
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset
from faceage_core.files.names import printable_name

_IMAGE = re.compile(r"\.(jpe?g|jfif|png|webp|bmp|tiff?|gif|heic|heif|avif)$", re.IGNORECASE)
_IN_HIDDEN_FOLDER = re.compile(r"(^|/)\.[^/]*/")  # such as thumbnails or .ipynb_checkpoints
_ARCHIVE = re.compile(r"\.(tar|tgz|gz|zip|7z|rar|part|crdownload|download)$", re.IGNORECASE)


def image_paths(source: Folder) -> list[str]:
    """The paths of all images in a folder and its subfolders, sorted."""
    return [path for path in readable_paths(source) if _IMAGE.search(path)]


def readable_paths(source: Folder) -> list[str]:
    """The paths of the files that can be opened and are not in a hidden folder, sorted."""
    return [path for path in _visible_paths(source) if printable_name(path) == path]


def _visible_paths(source: Folder) -> list[str]:
    return [path for path in source.files if not _IN_HIDDEN_FOLDER.search(path)]


def entries_from_names(
    source: Folder,
    pattern: re.Pattern[str],
    expected: str,
    entry: Callable[[str, re.Match[str]], Entry],
) -> Iterator[Entry | Rejection]:
    """List the images of a folder whose file names contain the labels.

    Args:
        source: the folder, with its subfolders.
        pattern: matches a complete file name.
        expected: the pattern as text, for messages.
        entry: makes an entry of an image's path and the match of its name.

    Raises:
        InvalidDataset: the source is not a folder, or no image name matches.
    """
    require_folder(source, expected)
    found = [(path, pattern.fullmatch(base_name(path))) for path in image_paths(source)]
    if not any(match for _, match in found):
        raise InvalidDataset(f"expected {expected}; {describe_contents(source)}")
    for path in _visible_paths(source):
        if _IMAGE.search(path) and printable_name(path) != path:
            detail = "a path must be UTF-8 text to be read"
            yield Rejection(printable_name(path), "name_not_utf8", detail)
    for path, match in found:
        if match is None:
            yield Rejection(path, "name_off_pattern", f"expected {expected}")
        else:
            yield check_age(entry(path, match))


def check_age(entry: Entry) -> Entry | Rejection:
    """The entry, or a rejection if its age is impossible."""
    if MIN_AGE_YEARS <= entry.age_years <= MAX_AGE_YEARS:
        return entry
    return Rejection(
        entry.name,
        "age_impossible",
        f"the age must be {MIN_AGE_YEARS:g} to {MAX_AGE_YEARS:g} years, got {entry.age_years:g}",
    )


def require_folder(source: Folder, expected: str) -> None:
    """Check that a source is a folder with files in it.

    Raises:
        InvalidDataset: it is a file, missing or empty.
    """
    if source.file is not None:
        raise InvalidDataset(
            f"expected a folder with {expected}; found {_describe_file(source.file)}"
        )
    if not source.exists():
        raise InvalidDataset(f"expected a folder with {expected}; there is no {source.name}")
    if not _visible_paths(source):
        raise InvalidDataset(f"expected {expected}; the folder {source.name} is empty")


def describe_contents(source: Folder) -> str:
    """Summarise a folder, for the message that it is not the expected one."""
    files = [printable_name(path) for path in _visible_paths(source)]
    archives = [path for path in files if _ARCHIVE.search(path)]
    if archives:
        return f"found {_describe_file(archives[0])}"
    found = image_paths(source)
    if found:
        return f"found {len(found)} images with other names, such as {base_name(found[0])}"
    return f"found no image among {len(files)} files, such as {base_name(files[0])}"


def base_name(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def _describe_file(path: str) -> str:
    if _ARCHIVE.search(path):
        return f"the archive {base_name(path)}: download it whole and extract it first"
    return f"the file {base_name(path)}"
