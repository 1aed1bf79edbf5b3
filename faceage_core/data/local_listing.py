"""List a local folder that may contain circular links and names that are not UTF-8.

pyarrow's own listing follows a link to a parent folder without end, and fails at a name that is not
UTF-8.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from faceage_core.errors import StorageError
from faceage_core.files.names import printable_name

_MISSING = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def local_files(root: str) -> dict[str, int]:
    """All files below a folder by relative path, with sizes in bytes; hidden files are left out.

    Links are followed, except into a folder that contains the link. Bytes of a name that are not
    UTF-8 become surrogate escapes.

    Args:
        root: the folder; a missing folder has no files.

    Raises:
        StorageError: the folder, or a folder in it, cannot be listed.
    """
    found: dict[str, int] = {}
    waiting: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
    while waiting:
        prefix, above = waiting.pop()
        folder = f"{root}/{prefix}" if prefix else root
        try:
            status = Path(folder).stat()
            if (identity := (status.st_dev, status.st_ino)) in above:
                continue
            with os.scandir(folder) as entries:
                folders = _scan(entries, prefix, found)
        except OSError as error:
            if error.errno not in _MISSING:
                raise _listing_error(root, prefix, error) from None
            continue
        path = above | {identity}
        waiting += [(name, path) for name in folders]
    return found


def _listing_error(root: str, prefix: str, error: OSError) -> StorageError:
    """The error for a folder below the root, or for the root itself."""
    name = printable_name(f"{Path(root).name}/{prefix}".rstrip("/"))
    return StorageError(f"{name} cannot be listed: {error.strerror}")


def _scan(entries: Iterator[os.DirEntry[str]], prefix: str, found: dict[str, int]) -> list[str]:
    """Add one folder's files to `found` and return the prefixes of its subfolders."""
    folders = []
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            folders.append(f"{prefix}{entry.name}/")
        elif (status := _status(entry)) is None:
            continue
        elif stat.S_ISDIR(status.st_mode):
            folders.append(f"{prefix}{entry.name}/")
        elif stat.S_ISREG(status.st_mode) and not entry.name.startswith("."):
            found[prefix + entry.name] = status.st_size
    return folders


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """The status of an entry or of its link target; None for a dangling link."""
    try:
        return entry.stat()
    except OSError as error:
        if error.errno not in _MISSING:
            raise
        return None
