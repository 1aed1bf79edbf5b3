"""Photos as a command line names them."""

from pathlib import Path

from faceage_core.errors import ImageTooLarge


def read_photo(path: Path, field: str) -> bytes:
    """A photo's bytes.

    Args:
        path: of the file.
        field: what an error calls it.

    Raises:
        ImageTooLarge: it has more than a photo may have.
        OSError: it cannot be read.
    """
    from faceage_core.images import check_file_size

    try:
        check_file_size(path.stat().st_size)
    except ImageTooLarge as error:
        raise error.with_field(field) from None
    return path.read_bytes()
