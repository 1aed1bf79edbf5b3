"""Replace a file or a directory as a whole: the final path never holds a partial result.

The new content is written under another name in the same directory, then renamed.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4


@contextmanager
def replace_file(target: Path) -> Iterator[Path]:
    """Write a file beside its final place; it gets its name when the block ends normally.

    Args:
        target: the final path. Missing parent directories are created; an existing file is
            replaced.

    Yields:
        The path to write to: the target's name with the suffix ".part".

    Raises:
        OSError: the file cannot be written or renamed; no ".part" file is left.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.part")
    try:
        yield partial
        partial.replace(target)
    finally:
        with suppress(OSError):
            partial.unlink()


@contextmanager
def replace_directory(target: Path) -> Iterator[Path]:
    """Fill a directory beside its final place; it gets its name when the block ends normally.

    Args:
        target: the final path. Missing parent directories are created, an existing directory is
            replaced with all its files.

    Yields:
        A new empty directory to write to.

    Raises:
        OSError: the directory cannot be created or renamed.
    """
    hidden = f".{target.name}.{uuid4().hex[:8]}"
    fresh, old = target.with_name(f"{hidden}.new"), target.with_name(f"{hidden}.old")
    fresh.mkdir(parents=True)
    try:
        yield fresh
        swap_directory(fresh, target, old)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def swap_directory(fresh: Path, target: Path, old: Path) -> None:
    """Rename a directory to its final name and keep its predecessor under another name.

    A process that is killed in between leaves the predecessor as `old`; an error puts it back.

    Args:
        fresh: the complete new directory.
        target: the final path; it need not exist.
        old: where an existing target is moved; must not exist.

    Raises:
        OSError: a directory cannot be renamed.
    """
    replaced = target.exists()
    if replaced:
        target.rename(old)
    try:
        fresh.rename(target)
    except OSError:
        if replaced:
            old.rename(target)
        raise
