"""What lies in a folder of this machine, whatever its links and names are like.

pyarrow's own listing follows a link to a folder above it round and round, and stops at a name that
is not UTF-8.
"""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from faceage_core.errors import StorageError
from faceage_core.files.names import printable_name

_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def local_files(root: str) -> dict[str, int]:
    """Every file below a folder, with its size in bytes; hidden files left out.

    Links are followed, but never into a folder that is being listed already. Bytes of a name that
    are not UTF-8 come as Python's surrogate escapes.

    Args:
        root: the folder; if it is not there, it holds nothing.

    Raises:
        StorageError: it, or a folder in it, cannot be listed.
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
                folders = _read(entries, prefix, found)
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise _unlisted(root, prefix, error) from None
            continue
        path = above | {identity}
        waiting += [(name, path) for name in folders]
    return found


def _unlisted(root: str, prefix: str, error: OSError) -> StorageError:
    """What to say of a folder below the root, or of the root itself."""
    name = printable_name(f"{Path(root).name}/{prefix}".rstrip("/"))
    return StorageError(f"{name} cannot be listed: {error.strerror}")


def _read(entries: Iterator[os.DirEntry[str]], prefix: str, found: dict[str, int]) -> list[str]:
    """Add one folder's files to those found; the prefixes of the folders in it are returned."""
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
    """Of what an entry is or links to; None for a link to nothing."""
    try:
        return entry.stat()
    except OSError as error:
        if error.errno not in _NOT_THERE:
            raise
        return None
