"""UTKFace: 20,000 and more faces cut out of photos, the labels in their names.

Zhang, Song and Qi, "Age Progression/Regression by Conditional Adversarial Autoencoder", 2017.
Ages are partly a model's estimates. Nothing says who is who.
"""

import re
from collections.abc import Iterator

from faceage_core.data.readers.folders import base_name, labelled
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
# Real names lack the race, hold a stray space, or lack a dot or letter of ".jpg" in the middle.
# One that lacks the gender is off the pattern: which of its fields is missing is then a guess.
_NAME = re.compile(
    r"(?P<age>\d{1,3})_(?P<gender>[01])_(?:(?P<race>[0-4])_)?\d{8,20}\s*\.?[a-z]*(?:\.chip)?\.jpe?g",
    re.IGNORECASE,
)


def entries(source: Folder) -> Iterator[Entry | Rejection]:
    """List the pictures of a UTKFace folder."""
    return labelled(source, _NAME, EXPECTED, _entry)


def _entry(path: str, match: re.Match[str]) -> Entry:
    return Entry(
        path=path,
        name=base_name(path),
        age_years=float(match["age"]),
        gender=_GENDERS[match["gender"]],
        race=_RACES[match["race"]] if match["race"] else None,
    )
