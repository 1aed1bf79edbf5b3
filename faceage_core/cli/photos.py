"""Reading photos from disk."""

from pathlib import Path

from faceage_core.errors import ImageTooLarge


def read_photo(path: Path, field: str) -> bytes:
    """Read the bytes of a photo.

    Args:
        path: of the file.
        field: the name of the input in error messages, such as "image_1".

    Raises:
        ImageTooLarge: the file has more bytes than the limit for a photo.
        OSError: the file cannot be read.
    """
    from faceage_core.images import check_file_size

    try:
        check_file_size(path.stat().st_size)
    except ImageTooLarge as error:
        raise error.with_field(field) from None
    return path.read_bytes()
