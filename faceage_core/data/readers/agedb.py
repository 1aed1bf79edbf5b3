"""AgeDB: 16,488 photos of 568 people, aged 1 to 101; person, age and gender in the file names.

Moschoglou et al., "AgeDB: the first manually collected, in-the-wild age database", 2017.
"""

import re
from collections.abc import Iterator

from faceage_core.data.readers.folders import base_name, entries_from_names
from faceage_core.data.schema import Entry, Rejection
from faceage_core.data.storage import Folder
from faceage_core.types import Gender

LICENSE = (
    "AgeDB (https://ibug.doc.ic.ac.uk/resources/agedb/): given on request, for non-commercial "
    "research purposes only."
)
EXPECTED = "AgeDB pictures named [n]_[Name]_[age]_[m|f].jpg"

_GENDERS: dict[str, Gender] = {"m": "male", "f": "female"}
_NAME = re.compile(r"\d+_(?P<person>.+)_(?P<age>\d{1,3})_(?P<gender>[mf])\.jpe?g", re.IGNORECASE)


def entries(source: Folder) -> Iterator[Entry | Rejection]:
    """List the images of an AgeDB folder."""
    return entries_from_names(source, _NAME, EXPECTED, _entry)


def _entry(path: str, match: re.Match[str]) -> Entry:
    return Entry(
        path=path,
        name=base_name(path),
        age_years=float(match["age"]),
        gender=_GENDERS[match["gender"].lower()],
        identity=match["person"],
    )
