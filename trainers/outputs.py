"""The folder that a command writes to: new, or with what an earlier run of it left."""

from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidArgument


def open_output(
    location: str, mark: str, what: str, *, resume: bool, overwrite: bool
) -> tuple[Folder, bool]:
    """The folder, and whether it holds such a thing already, to go on with or to replace.

    Args:
        location: a path or a URI.
        mark: the file by which such a thing is known.
        what: a word for it.
        resume: go on with it.
        overwrite: replace it.

    Raises:
        InvalidArgument: something is there already, or nothing to resume.
    """
    if resume and overwrite:
        raise InvalidArgument("either --resume or --overwrite, not both", field="overwrite")
    folder = Folder.at(location)
    there = folder.exists(mark)
    if folder.exists() and folder.files and not there:
        raise InvalidArgument(f"{location} holds something else than a {what}", field="out")
    if there and not (resume or overwrite):
        raise InvalidArgument(
            f"there is a {what} in {location}: --resume goes on with it, --overwrite replaces it",
            field="out",
        )
    if resume and not there:
        raise InvalidArgument(f"there is no {what} in {location} to resume", field="resume")
    return folder, there
