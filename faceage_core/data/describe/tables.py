"""Tables of the description, as rows of text, for the terminal and for the HTML page."""

from collections.abc import Mapping, Sequence

from faceage_core.data.describe.description import Description, SplitSummary
from faceage_core.data.describe.statistics import Bands, Repeats

Row = tuple[str, ...]

SPLIT_HEADER = ("split", "images", "share", "mean age", "median", "female", "people", "distance")
REPEATS_HEADER = ("shared", "groups", "images", "groups across splits")


def count_rows(counts: Mapping[str, int]) -> list[Row]:
    """One row for each label: its count and its share of all."""
    total = sum(counts.values())
    return [(label, f"{count:,}", f"{count / total:.1%}") for label, count in counts.items()]


def band_rows(bands: Bands) -> list[Row]:
    """One row for each age band: its count and its share of all; counts are [B]."""
    return count_rows({bands.label(i): count for i, count in enumerate(bands.counts.tolist())})


def split_rows(splits: Sequence[SplitSummary]) -> list[Row]:
    """One row for each split, under `SPLIT_HEADER`; female is the share of the stated genders."""
    return [
        (
            split.name,
            f"{split.ages.count:,}",
            f"{split.share:.1%}",
            f"{split.ages.mean:.1f}",
            f"{split.ages.quartiles[1]:.0f}",
            "-" if split.female is None else f"{split.female:.1%}",
            f"{split.identities:,}" if split.identities else "-",
            "-" if split.distance is None else f"{split.distance:.3f}",
        )
        for split in splits
    ]


def repeats_rows(description: Description) -> list[Row]:
    """One row for each kind of duplicate, under `REPEATS_HEADER`."""
    bits = description.manifest.options.near_duplicate_bits
    look = f"same look (hashes within {bits} bits)"
    kinds: list[tuple[str, Repeats | None]] = [
        ("same file", description.same_file),
        (look, description.same_look),
        ("same identity", description.same_person),
    ]
    return [
        (name, f"{value.groups:,}", f"{value.images:,}", f"{value.groups_across_splits:,}")
        for name, value in kinds
        if value is not None
    ]
