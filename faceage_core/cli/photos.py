"""Photos as a command line names them."""

from pathlib import Path


def read_photo(path: Path) -> bytes:
    """A photo's bytes; of a file that is too large one more than is allowed, to be refused by."""
    from faceage_core.images import ImageLimits

    with path.open("rb") as file:
        return file.read(ImageLimits().max_bytes + 1)
