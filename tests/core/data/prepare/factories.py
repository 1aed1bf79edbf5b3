"""Preparations of small data sets, without Ray."""

import hashlib
from pathlib import Path

from faceage_core.data.prepare.chunks import ChunkProcessor, pending_chunks
from faceage_core.data.prepare.listing import list_source
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.prepare.plan import Job, write_plan
from faceage_core.data.storage import Folder

PLAIN = PrepareOptions(dataset="agedb", crop="none", size_px=32)


def sha(text: object) -> str:
    """A digest that stands for a file's content."""
    return hashlib.sha256(str(text).encode()).hexdigest()


def job_for(source: Path, out: Folder, options: PrepareOptions = PLAIN, chunk: int = 6) -> Job:
    folders = (Folder.at(str(source)),)
    return write_plan(options, folders, list_source(options, folders), out, chunk)


def run(job: Job) -> None:
    processor = ChunkProcessor(job)
    for index in pending_chunks(job):
        processor.process(index)


def files(folder: Path) -> dict[str, bytes]:
    """The content of all files in a folder and its subfolders, by relative path."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
