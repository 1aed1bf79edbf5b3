"""Chunk sizes and staging folders."""

from dataclasses import replace
from pathlib import Path

import pytest

from faceage_core.data.prepare.chunks import ChunkProcessor, pending_chunks
from faceage_core.data.prepare.listing import list_source
from faceage_core.data.prepare.plan import write_plan
from faceage_core.data.storage import Folder
from tests.core.data.prepare.factories import PLAIN, job_for


@pytest.mark.parametrize(("images", "chunk"), [(1, 1), (100, 32), (20_792, 162), (500_000, 512)])
def test_default_chunk_sizes(images: int, chunk: int, source: Path, tmp_path: Path) -> None:
    folders = (Folder.at(str(source)),)
    listing = list_source(PLAIN, folders)
    many = replace(listing, entries=listing.entries[:1] * images)
    job = write_plan(PLAIN, folders, many, Folder.at(str(tmp_path / "out")))
    assert sum(job.chunk_sizes) == images
    assert max(job.chunk_sizes) == chunk


def test_a_resumed_run_processes_only_pending_chunks(source: Path, tmp_path: Path) -> None:
    out = Folder.at(str(tmp_path / "out"))
    job = job_for(source, out)
    ChunkProcessor(job).process(2)
    again = job_for(source, out)
    assert again.staging.path == job.staging.path
    assert pending_chunks(again) == [0, 1, 3]
    other = job_for(source, out, PLAIN.model_copy(update={"quality": 50}))
    assert pending_chunks(other) == [0, 1, 2, 3]
