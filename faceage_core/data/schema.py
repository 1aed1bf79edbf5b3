"""The one schema that every data set becomes, and what a reader yields on the way there.

A prepared data set is a directory (local or in an object store):

    manifest.json           options, counts, hashes, versions, the source's licence
    train/part-00000.parquet, val/..., test/...   (or fold-0/..., fold-1/...)
    rejected.parquet        what could not be used, each with a reason
"""

from dataclasses import dataclass, field

import pyarrow as pa

from faceage_core.types import Box, Gender

SPLITS = ("train", "val", "test")  # as sources have them, from the least held-out to the most
MIN_AGE_YEARS, MAX_AGE_YEARS = 0.0, 120.0

# image: an encoded, upright picture (a JPEG, or the source's own file); width and height are its
# own. sha256 and perceptual_hash (16 hexadecimal digits) are of the source's file, before any crop.
SCHEMA = pa.schema(
    [
        pa.field("image", pa.binary(), nullable=False),
        pa.field("age_years", pa.float32(), nullable=False),
        pa.field("gender", pa.string()),
        pa.field("race", pa.string()),
        pa.field("identity", pa.string()),
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("perceptual_hash", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
    ]
)

REJECTED_SCHEMA = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("dataset", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class Entry:
    """One photo of a source, listed but not read.

    Attributes:
        path: of the picture, relative to the source.
        name: the photo's name in the source's own terms.
        age_years: the true age; fractions where the source has them.
        gender: None where the source does not say.
        race: the source's own word for it, None where it does not say.
        identity: who it is, in the source's own terms; None where it does not say.
        split: where the source fixes the split itself, else None.
        box: where the subject's face lies in the picture, in pixels, if the source says so; among
            several found faces it tells the subject's. None: the subject is in the middle.
    """

    path: str
    name: str
    age_years: float
    gender: Gender | None = None
    race: str | None = None
    identity: str | None = None
    split: str | None = None
    box: Box | None = None


@dataclass(frozen=True)
class Rejection:
    """One photo that cannot be used.

    Attributes:
        name: as in Entry.
        reason: a short, stable word: "name_off_pattern", "age_missing", "age_impossible",
            "unreadable_image", "several_faces", "no_face", "conflicting_ages", ...
        detail: one sentence.
        split: as in Entry, where it is known; only the listing counts it.
    """

    name: str
    reason: str
    detail: str
    split: str | None = field(default=None, repr=False)
