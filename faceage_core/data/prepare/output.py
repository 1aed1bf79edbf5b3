"""The folder of the result: what exists in it, and how the complete result gets its name.

On a local disk the result is written beside its final place and renamed. An object store cannot
rename: there the manifest is written last, and without a manifest there is no data set.
"""

import re
from pathlib import Path

from faceage_core.data.layout import PART, REJECTED, read_layout
from faceage_core.data.manifest import MANIFEST, Manifest, write_manifest
from faceage_core.data.prepare.assembly import assemble
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.prepare.plan import Job
from faceage_core.data.storage import Folder, describe_error
from faceage_core.errors import InvalidArgument, InvalidDataset, StorageError
from faceage_core.files.replace import swap_directory

_OWN_FILES = re.compile(rf"{re.escape(MANIFEST)}|{re.escape(REJECTED)}|[\w-]+/|{PART.pattern}")


def find_finished(
    out: Folder, options: PrepareOptions, source_digest: str, *, overwrite: bool
) -> Manifest | None:
    """The manifest of an equal result that exists already; None if the work is to be done.

    Raises:
        InvalidArgument: something else exists there and must not be replaced.
    """
    if out.file is not None:
        raise InvalidArgument(f"the output must be a folder; {out.file} is a file", field="out")
    try:
        manifest = read_layout(out).manifest
        if manifest.options == options and manifest.source_digest == source_digest:
            return manifest
    except InvalidDataset:
        pass  # missing, damaged, or of another version
    found = _entries(out)
    if any(not _OWN_FILES.fullmatch(path) for path in found):
        raise InvalidArgument(
            "the output must be a new folder or a prepared data set; "
            f"{out.name} contains other files",
            field="out",
        )
    unfinished = not out.is_local and MANIFEST not in found  # left by a killed run
    if found and not unfinished and not overwrite:
        raise InvalidArgument(
            f"{out.name} was prepared with other options or from another source, or is damaged; "
            "it is replaced only on request",
            field="overwrite",
        )
    return None


def _entries(out: Folder) -> list[str]:
    """All files in a folder; on a local disk also hidden files, and folders with a trailing slash.

    Raises:
        InvalidArgument: it is not a folder, or cannot be replaced.
    """
    if not out.is_local:
        return list(Folder(out.filesystem, out.path).files)
    path = Path(out.path)
    if path.exists() and not path.is_dir():
        raise InvalidArgument(f"the output must be a folder; {out.name} is not", field="out")
    if path.is_mount():
        raise InvalidArgument(
            f"the output must be a folder that can be replaced; {out.name} is a mount point: name "
            "a new folder in it",
            field="out",
        )
    return [
        f"{below.relative_to(path).as_posix()}{'/' if below.is_dir() else ''}"
        for below in path.rglob("*")
    ]


def publish(job: Job, out: Folder) -> Manifest:
    """Assemble the chunks of a run, give the result its name, and remove the staging folder.

    Raises:
        InvalidDataset: no image is left, or none for one of the splits.
        StorageError: the result cannot be written.
    """
    try:
        manifest = _publish_local(job, out) if out.is_local else _publish_remote(job, out)
    except InvalidDataset:  # a second run would fail in the same way
        job.staging.delete()
        raise
    job.staging.delete()
    return manifest


def _publish_local(job: Job, out: Folder) -> Manifest:
    # In the staging folder, so that the next run removes what a killed run leaves.
    result, old = job.staging.child("result"), job.staging.child("replaced")
    result.delete()
    manifest = assemble(job, result)
    write_manifest(result, manifest)
    if out.exists():
        old.delete()
    try:
        swap_directory(Path(result.path), Path(out.path), Path(old.path))
    except OSError as error:
        raise StorageError(f"{out.name} cannot be replaced: {describe_error(error)}") from None
    return manifest


def _publish_remote(job: Job, out: Folder) -> Manifest:
    out.delete(MANIFEST)  # first, so that no reader takes a mixture for a finished data set
    for path in Folder(out.filesystem, out.path).files:
        out.delete(path)
    manifest = assemble(job, out)
    write_manifest(out, manifest)
    return manifest
