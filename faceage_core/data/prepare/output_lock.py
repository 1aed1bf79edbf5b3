"""One run at a time works on a result: a lock beside it, on a disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from faceage_core.data.storage import Folder, cause
from faceage_core.errors import InvalidArgument, StorageError


@contextmanager
def reserved(out: Folder) -> Iterator[None]:
    """Keep other runs from the same result for as long as the block lasts.

    An object store has no locks: there nobody is kept from it.

    Raises:
        InvalidArgument: another run has it.
        StorageError: nothing can be written there.
    """
    if not out.is_local:
        yield
        return
    path = Path(out.beside(".lock").path)
    lock = FileLock(path, timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise InvalidArgument(
            f"--out: another `faceage prepare` is working on {out.name}", field="out"
        ) from None
    except OSError as error:
        raise StorageError(
            f"--out: {out.name} cannot be made in {path.parent.name}: {cause(error)}", field="out"
        ) from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        lock.release()
