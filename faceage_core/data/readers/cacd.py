"""CACD: 163,446 photos of 2,000 celebrities, aged 14 to 62; age and person in the file names.

Chen, Chen and Hsu, "Cross-Age Reference Coding for Age-Invariant Face Recognition and Retrieval",
2014. The ages come from search years and are noisy.
"""

import re
from collections.abc import Iterator

from faceage_core.data.readers.folders import base_name, entries_from_names
from faceage_core.data.schema import Entry, Rejection
from faceage_core.data.storage import Folder

LICENSE = (
    "CACD (https://bcsiriuschen.github.io/CARC/): for research purposes; its publishers state no "
    "further licence, and the copyright of the photos belongs to their owners."
)
EXPECTED = "CACD pictures named [age]_[First]_[Last]_[nnnn].jpg"

_NAME = re.compile(r"(?P<age>\d{1,3})_(?P<person>.+)_\d{4}\.jpe?g", re.IGNORECASE)


def entries(source: Folder) -> Iterator[Entry | Rejection]:
    """List the images of a CACD folder."""
    return entries_from_names(source, _NAME, EXPECTED, _entry)


def _entry(path: str, match: re.Match[str]) -> Entry:
    return Entry(
        path=path,
        name=base_name(path),
        age_years=float(match["age"]),
        identity=match["person"].replace("_", " "),
    )
