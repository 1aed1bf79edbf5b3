"""The table of rejected images, for the terminal, HTML and Markdown."""

from collections.abc import Mapping

REJECTED_HEADER = ("reason", "images")


def rejected_rows(rejected: Mapping[str, int]) -> list[tuple[str, str]]:
    """One row for each reason, such as "no_face", with the number of images."""
    return [(reason.replace("_", " "), f"{count:,}") for reason, count in rejected.items()]
