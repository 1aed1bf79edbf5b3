"""How a result gets its final name: at once and whole, or not at all.

On a disk everything is written beside the final place and renamed. An object store cannot rename;
there the manifest is written last, and without a manifest there is no data set.
"""

import re

from faceage_core.data.layout import MANIFEST
from faceage_core.data.manifest import Manifest, read_manifest, write_manifest
from faceage_core.data.options import PrepareOptions
from faceage_core.data.plan import Job
from faceage_core.data.preparation import assemble
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidArgument, InvalidDataset

_OURS = re.compile(r"manifest\.json|rejected\.parquet|[\w-]+/part-\d{5,}\.parquet")


def finished(
    out: Folder, options: PrepareOptions, source_digest: str, *, overwrite: bool
) -> Manifest | None:
    """The manifest of an equal result that is already there; None where work is to be done.

    Raises:
        InvalidArgument: something else is there, and may not be replaced.
    """
    if out.file is not None:
        raise InvalidArgument(f"--out must be a folder; {out.file} is a file", field="out")
    if not Folder(out.filesystem, out.path).files:
        return None
    if any(not _OURS.fullmatch(path) for path in out.files):
        raise InvalidArgument(
            f"--out must be new or a prepared data set; the folder {out.name} holds other files",
            field="out",
        )
    if MANIFEST not in out.files:
        return None  # an unfinished one of ours: nothing to lose
    try:
        manifest = read_manifest(out)
        if manifest.options == options and manifest.source_digest == source_digest:
            return manifest
    except InvalidDataset:
        pass  # of another version
    if not overwrite:
        raise InvalidArgument(
            f"{out.name} was prepared with other options or from another source; --overwrite "
            "replaces it",
            field="overwrite",
        )
    return None


def publish(job: Job, out: Folder) -> Manifest:
    """Assemble a run's chunks, give the result its final name, and remove the staging folder.

    Raises:
        InvalidDataset: no picture, or none for one of the splits, is left.
        StorageError: the result cannot be written.
    """
    manifest = _renamed(job, out) if out.is_local else _manifest_last(job, out)
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
