"""FG-NET: 1,002 photos of 82 people, aged 0 to 69, many of them scans of old prints.

Lanitis, Taylor and Cootes, "Toward Automatic Simulation of Aging Effects on Face Images", 2002.
"""

import re
from collections.abc import Iterator

from faceage_core.data.readers.folders import base_name, entries_from_names
from faceage_core.data.schema import Entry, Rejection
from faceage_core.data.storage import Folder

LICENSE = (
    "FG-NET ageing database: collected for research; its publishers state no licence that permits "
    "other use, and the copyright of the photos belongs to their owners."
)
EXPECTED = "FG-NET pictures named [person]A[age].JPG, such as 001A02.JPG or 001A43a.JPG"

_NAME = re.compile(r"(?P<person>\d{3})A(?P<age>\d{2})[a-z]?\.jpe?g", re.IGNORECASE)


def entries(source: Folder) -> Iterator[Entry | Rejection]:
    """List the images of an FG-NET folder."""
    return entries_from_names(source, _NAME, EXPECTED, _entry)


def _entry(path: str, match: re.Match[str]) -> Entry:
    return Entry(
        path=path,
        name=base_name(path),
        age_years=float(match["age"]),
        identity=match["person"],
    )
