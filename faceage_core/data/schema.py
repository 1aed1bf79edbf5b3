"""The Parquet schema of prepared data sets, and the records that readers yield.

A prepared data set is a directory (local or in an object store):

    manifest.json           options, counts, hashes, versions, the source's licence
    train/part-00000.parquet, val/..., test/...   (or fold-0/..., fold-1/...)
    rejected.parquet        images that cannot be used, each with a reason
"""

from dataclasses import dataclass, field

import pyarrow as pa

from faceage_core.types import Box, Gender

SPLITS = ("train", "val", "test")  # as sources name them, from the least held-out to the most
MIN_AGE_YEARS, MAX_AGE_YEARS = 0.0, 120.0

# image: the encoded, upright image (a JPEG, or the source's own file); width and height are its
# size. sha256 and perceptual_hash (16 hexadecimal digits) are of the source's file, uncropped.
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
    """One image of a source, listed but not read.

    Attributes:
        path: the image file, relative to the source.
        name: the image's name in the source.
        age_years: the true age; with a fraction if the source states one.
        gender: None if the source does not state it.
        race: the source's own label; None if it does not state it.
        identity: the source's own name for the person; None if it does not state it.
        split: the split that the source assigns; None if it assigns none.
        box: the subject's face in pixels, if the source states it; it selects the subject among
            several detected faces. None: the subject is the face nearest the image center.
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
    """One image that cannot be used.

    Attributes:
        name: as in Entry.
        reason: a short, stable word: "name_off_pattern", "age_missing", "age_impossible",
            "unreadable_image", "several_faces", "no_face", "conflicting_ages", ...
        detail: one sentence.
        split: as in Entry, if known; only the listing uses it.
    """

    name: str
    reason: str
    detail: str
    split: str | None = field(default=None, repr=False)
