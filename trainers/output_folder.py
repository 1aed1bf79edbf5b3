"""The output folder of a command: a new one, or the one of an earlier run."""

from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidArgument


def open_output_folder(
    location: str, marker: str, kind: str, *, resume: bool, overwrite: bool
) -> tuple[Folder, bool]:
    """Open an output folder and check that it may be written to.

    Args:
        location: a path or a URI.
        marker: the file that every output of this kind contains.
        kind: what the output is called, such as "run".
        resume: continue the output that is there.
        overwrite: replace the output that is there.

    Returns:
        The folder, and whether it already contains an output of this kind.

    Raises:
        InvalidArgument: the folder contains something already, or nothing to resume.
    """
    if resume and overwrite:
        raise InvalidArgument("overwrite cannot be combined with resume", field="overwrite")
    folder = Folder.at(location)
    exists = folder.exists(marker)
    if folder.exists() and folder.files and not exists:
        raise InvalidArgument(f"{location} contains files that are not a {kind}", field="out")
    if exists and not (resume or overwrite):
        raise InvalidArgument(
            f"{location} already contains a {kind}: resume or overwrite it", field="out"
        )
    if resume and not exists:
        raise InvalidArgument(f"{location} contains no {kind} to resume", field="resume")
    return folder, exists
