"""File names as printable text: a name on disk need not be valid UTF-8."""


def printable_name(name: str) -> str:
    r"""Return a name or path as valid UTF-8 text: an undecodable byte is written as \udce9.

    Args:
        name: as Python reads it from the disk, with surrogate escapes for undecodable bytes.
    """
    return name.encode(errors="backslashreplace").decode()
