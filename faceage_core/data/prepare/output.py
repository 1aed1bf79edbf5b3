"""How a result gets its final name: at once and whole, or not at all.

On a disk everything is written beside the final place and renamed. An object store cannot rename;
there the manifest is written last, and without a manifest there is no data set.
"""

import re
from pathlib import Path

from faceage_core.data.layout import PART, REJECTED, layout_of
from faceage_core.data.manifest import MANIFEST, Manifest, write_manifest
from faceage_core.data.prepare.chunks import assemble
from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.prepare.plan import Job
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidArgument, InvalidDataset

_OURS = re.compile(rf"{re.escape(MANIFEST)}|{re.escape(REJECTED)}|[\w-]+/|{PART.pattern}")


def finished(
    out: Folder, options: PrepareOptions, source_digest: str, *, overwrite: bool
) -> Manifest | None:
    """The manifest of an equal result that is already there; None where work is to be done.

    Raises:
        InvalidArgument: something else is there, and may not be replaced.
    """
    if out.file is not None:
        raise InvalidArgument(f"--out must be a folder; {out.file} is a file", field="out")
    try:
        manifest = layout_of(out).manifest
        if manifest.options == options and manifest.source_digest == source_digest:
            return manifest
    except InvalidDataset:
        pass  # none, damaged, or of another version
    found = _entries(out)
    if any(not _OURS.fullmatch(path) for path in found):
        raise InvalidArgument(
            f"--out must be new or a prepared data set; the folder {out.name} holds other files",
            field="out",
        )
    unfinished = not out.is_local and MANIFEST not in found  # one of ours: nothing to lose
    if found and not unfinished and not overwrite:
        raise InvalidArgument(
            f"{out.name} was prepared with other options or from another source, or is damaged; "
            "--overwrite replaces it",
            field="overwrite",
        )
    return None


def _entries(out: Folder) -> list[str]:
    """All that is in a folder; on this machine hidden files too, and folders, with a / behind.

    Raises:
        InvalidArgument: it is no folder, or none that can be replaced.
    """
    if not out.is_local:
        return list(Folder(out.filesystem, out.path).files)
    path = Path(out.path)
    if path.exists() and not path.is_dir():
        raise InvalidArgument(f"--out must be a folder; {out.name} is none", field="out")
    if path.is_mount():
        raise InvalidArgument(
            f"--out must be a folder that can be replaced; {out.name} is a mount point: name a new "
            "folder in it",
            field="out",
        )
    return [
        f"{below.relative_to(path).as_posix()}{'/' if below.is_dir() else ''}"
        for below in path.rglob("*")
    ]


def publish(job: Job, out: Folder) -> Manifest:
    """Assemble a run's chunks, give the result its final name, and remove the staging folder.

    Raises:
        InvalidDataset: no picture, or none for one of the splits, is left.
        StorageError: the result cannot be written.
    """
    try:
        manifest = _renamed(job, out) if out.is_local else _manifest_last(job, out)
    except InvalidDataset:  # the same command would come to the same end
        job.staging.delete()
        raise
    job.staging.delete()
    return manifest


def _renamed(job: Job, out: Folder) -> Manifest:
    result, old = job.staging.child("result"), job.staging.child("replaced")
    result.delete()
    manifest = assemble(job, result)
    write_manifest(result, manifest)
    if out.exists():
        old.delete()
        out.move_to(old)
    result.move_to(out)
    return manifest


def _manifest_last(job: Job, out: Folder) -> Manifest:
    out.delete(MANIFEST)
    for path in Folder(out.filesystem, out.path).files:
        out.delete(path)
    manifest = assemble(job, out)
    write_manifest(out, manifest)
    return manifest
