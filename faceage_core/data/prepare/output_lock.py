"""A lock file beside the result, so that only one run at a time writes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from faceage_core.data.storage import Folder, describe_error
from faceage_core.errors import InvalidArgument, StorageError


@contextmanager
def lock_output(out: Folder) -> Iterator[None]:
    """Lock the result for the duration of the block, on a local disk; object stores have no locks.

    Raises:
        InvalidArgument: another run holds the lock.
        StorageError: the lock file cannot be written.
    """
    if not out.is_local:
        yield
        return
    path = Path(out.sibling(".lock").path)
    lock = FileLock(path, timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise InvalidArgument(
            f"another `faceage prepare` is working on {out.name}", field="out"
        ) from None
    except OSError as error:
        raise StorageError(
            f"{out.name} cannot be created in {path.parent.name}: {describe_error(error)}",
            field="out",
        ) from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()
