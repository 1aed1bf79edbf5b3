"""Photos as a command line names them."""

import os
from pathlib import Path


def read_photo(path: Path) -> bytes:
    """A photo's bytes; of a file that is too large one more than is allowed, to be refused by."""
    from faceage_core.images import ImageLimits

    with path.open("rb") as file:
        return file.read(ImageLimits().max_bytes + 1)


def shown(name: str) -> str:
    """A file's name as text: what of it is no UTF-8 is replaced by question marks."""
    return os.fsencode(name).decode("utf-8", "replace")
