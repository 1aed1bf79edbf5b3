"""UTKFace: more than 20,000 cropped faces; age, gender and race in the file names.

Zhang, Song and Qi, "Age Progression/Regression by Conditional Adversarial Autoencoder", 2017.
Some ages are a model's estimates. Identities are not stated.
"""

import re
from collections.abc import Iterator

from faceage_core.data.readers.folders import base_name, entries_from_names
from faceage_core.data.schema import Entry, Rejection
from faceage_core.data.storage import Folder
from faceage_core.types import Gender

LICENSE = (
    "UTKFace (https://susanqq.github.io/UTKFace/): available for non-commercial research purposes "
    "only; the copyright of the images belongs to their original owners."
)
EXPECTED = "UTKFace pictures named [age]_[gender]_[race]_[date].jpg.chip.jpg"

_GENDERS: dict[str, Gender] = {"0": "male", "1": "female"}
_RACES = {"0": "white", "1": "black", "2": "asian", "3": "indian", "4": "other"}
# Some published names lack the race, contain a stray space, or lack a dot or letter of ".jpg".
# A name that lacks the gender does not match: which of its fields is missing would be a guess.
_NAME = re.compile(
    r"(?P<age>\d{1,3})_(?P<gender>[01])_(?:(?P<race>[0-4])_)?\d{8,20}\s*\.?[a-z]*(?:\.chip)?\.jpe?g",
    re.IGNORECASE,
)


def entries(source: Folder) -> Iterator[Entry | Rejection]:
    """List the images of a UTKFace folder."""
    return entries_from_names(source, _NAME, EXPECTED, _entry)


def _entry(path: str, match: re.Match[str]) -> Entry:
    return Entry(
        path=path,
        name=base_name(path),
        age_years=float(match["age"]),
        gender=_GENDERS[match["gender"]],
        race=_RACES[match["race"]] if match["race"] else None,
    )
