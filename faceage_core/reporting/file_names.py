"""File names as text: not every one is, on a disk that has seen other encodings."""


def shown(name: str) -> str:
    r"""A name or path for a message, a table or an answer: a byte that is not UTF-8 as \udce9."""
    return name.encode(errors="backslashreplace").decode()
