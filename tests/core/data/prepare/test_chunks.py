"""Staging chunks of images."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faceage_core.data.prepare.chunks import ChunkProcessor, pending_chunks
from faceage_core.data.storage import Folder
from faceage_core.errors import StorageError
from tests.core.data.prepare.factories import job_for


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    """The system refuses to write longer files, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_a_storage_error_and_leaves_no_part(source: Path, tmp_path: Path) -> None:
    job = job_for(source, Folder.at(str(tmp_path / "out")))
    with files_limited_to(6_000), pytest.raises(StorageError, match="File too large") as caught:
        ChunkProcessor(job).process(0)
    assert "\n" not in caught.value.message
    assert 0 in pending_chunks(job)
    assert not list(tmp_path.rglob("*.part"))
