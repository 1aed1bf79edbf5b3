"""The description as one page of HTML."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby

from faceage_core.data.describe import plots
from faceage_core.data.describe.describe import (
    WIDE_BAND_YEARS,
    Description,
    SplitSummary,
)
from faceage_core.data.describe.samples import Sample
from faceage_core.data.describe.statistics import Ages, Bands, Repeats
from faceage_core.data.describe.words import imbalance, warnings
from faceage_core.reporting import html

PRIVATE = (
    "This page embeds photos of people: treat it as private, like the data set itself. "
    "--no-samples leaves them out."
)
_SIZES_SHOWN = 10


def report(description: Description, samples: Sequence[Sample]) -> str:
    """Write the page.

    Args:
        description: what to show.
        samples: youngest first; none leave the contact sheet out.
    """
    title = f"Data set {description.name}"
    return html.page(
        title,
        [
            _head(title, description, with_samples=bool(samples)),
            _ages(description.ages, description.bands),
            *(
                _group(field, counts, description.joint[field])
                for field, counts in description.groups.items()
            ),
            html.section("Imbalance", *map(html.paragraph, imbalance(description))),
            _splits(description.splits),
            _repeats(description),
            _sizes(description.sizes),
            _rejected(description.rejected),
            *([_contact_sheet(samples)] if samples else []),
        ],
    )


def repeats_rows(description: Description) -> list[tuple[str, str, str, str]]:
    """Duplicates and people: what, groups, pictures, groups across splits."""
    bits = description.manifest.options.near_duplicate_bits
    look = f"same look (hashes within {bits} bits)"
    named: list[tuple[str, Repeats | None]] = [
        ("same file", description.same_file),
        (look, description.same_look),
        ("same identity", description.same_person),
    ]
    return [
        (name, f"{value.groups:,}", f"{value.pictures:,}", f"{value.groups_across_splits:,}")
        for name, value in named
        if value is not None
    ]


def split_rows(splits: Sequence[SplitSummary]) -> list[tuple[str, ...]]:
    """A row a split, as `SPLIT_HEADER` says; female is the share among those stated."""
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


SPLIT_HEADER = ("split", "pictures", "share", "mean age", "median", "female", "people", "distance")
REPEATS_HEADER = ("what is shared", "groups", "pictures", "groups across splits")


def _head(title: str, description: Description, *, with_samples: bool) -> str:
    manifest = description.manifest
    facts = (
        f"source {manifest.dataset}; prepared by faceage {manifest.tool_version}; "
        f"split {manifest.split_hash}"
    )
    pieces = [
        f"<h1>{escape(title)}</h1>",
        html.paragraph(
            f"{description.ages.count:,} pictures in {len(description.splits)} splits, "
            f"{sum(description.rejected.values()):,} rows set aside. {facts}",
            "quiet",
        ),
        html.paragraph(f"Licence of the source: {manifest.license}", "quiet"),
    ]
    if with_samples:
        pieces.append(html.paragraph(PRIVATE, "note"))
    pieces += [html.paragraph(text, "note warning") for text in warnings(description)]
    return "<header>\n" + "\n".join(pieces) + "\n</header>"


def _ages(ages: Ages, bands: Bands) -> str:
    low, middle, high = ages.quartiles
    words = (
        f"Ages run from {ages.minimum:g} to {ages.maximum:g} years, {ages.mean:.1f} on average "
        f"(standard deviation {ages.std:.1f}). Half of the pictures lie between {low:g} and "
        f"{high:g} years, the median is {middle:g}."
    )
    rows = [
        (bands.label(band), f"{count:,}", f"{count / ages.count:.1%}")
        for band, count in enumerate(bands.counts.tolist())
    ]
    alt = f"Histogram of ages in bands of 5 years; the fullest is {bands.label(bands.peak)} years."
    return html.section(
        "Ages",
        html.paragraph(words),
        html.plot(plots.age_histogram(bands), alt),
        html.details(
            "The histogram's numbers",
            html.table("Pictures by age", ("years", "pictures", "%"), rows),
        ),
    )


def _group(field: str, counts: Mapping[str, int], joint: Bands) -> str:
    words, total = list(counts), sum(counts.values())
    balance = ", ".join(f"{word} {count / total:.1%}" for word, count in counts.items())
    rows = [(word, f"{count:,}", f"{count / total:.1%}") for word, count in counts.items()]
    header = (field, *(joint.label(band) for band in range(joint.counts.shape[1])))
    cells = [
        (word, *(f"{count:,}" for count in line))
        for word, line in zip(words, joint.counts.tolist(), strict=True)
    ]
    return html.section(
        f"{field.capitalize()}, and {field} by age",
        html.plot(plots.word_bars(counts), f"Bars: {balance}."),
        html.details(
            "The bars' numbers", html.table(f"Pictures by {field}", (field, "pictures", "%"), rows)
        ),
        html.plot(
            plots.heat_map(words, joint),
            f"Heat map of pictures by {field} and age, logarithmic; empty cells are white.",
        ),
        html.details(
            "The heat map's numbers", html.table(f"Pictures by {field} and age", header, cells)
        ),
    )


def _splits(splits: tuple[SplitSummary, ...]) -> str:
    about = (
        "Distance is Kolmogorov and Smirnov's, between the ages of a split and those of all other "
        "splits: 0 is the same distribution, 1 has nothing in common."
    )
    names = ", ".join(split.name for split in splits)
    return html.section(
        "Splits",
        html.table("The splits beside each other", SPLIT_HEADER, split_rows(splits)),
        html.paragraph(about, "quiet"),
        html.plot(
            plots.split_curves(splits),
            f"Share of each age band within each split, one line each: {names}.",
        ),
    )


def _repeats(description: Description) -> str:
    return html.section(
        "Duplicates and people",
        html.table("Groups of two pictures or more", REPEATS_HEADER, repeats_rows(description)),
    )


def _sizes(sizes: Mapping[tuple[int, int], int]) -> str:
    rows = [(f"{w} x {h}", f"{count:,}") for (w, h), count in list(sizes.items())[:_SIZES_SHOWN]]
    pieces = [html.table("The most frequent sizes", ("width x height", "pictures"), rows)]
    if len(sizes) > 1:
        alt = f"Widths and heights of the pictures, {len(sizes)} different pairs."
        pieces.append(html.plot(plots.size_scatter(sizes), alt))
    return html.section("Image sizes", *pieces)


def _rejected(rejected: Mapping[str, int]) -> str:
    if not rejected:
        return html.section("Rows set aside", html.paragraph("None."))
    rows = [(reason.replace("_", " "), f"{count:,}") for reason, count in rejected.items()]
    return html.section(
        "Rows set aside",
        html.table("By reason; rejected.parquet lists them", ("reason", "rows"), rows),
    )


def _contact_sheet(samples: Sequence[Sample]) -> str:
    pieces = []
    for band, inside in groupby(samples, key=lambda sample: sample.age_years // WIDE_BAND_YEARS):
        first = int(band * WIDE_BAND_YEARS)
        pieces.append(f"<h3>{first} to {first + WIDE_BAND_YEARS - 1} years</h3>")
        pieces.append('<ul class="sheet">' + "".join(map(_tile, inside)) + "</ul>")
    return html.section(
        "Samples by age",
        html.paragraph("Chosen by their digests, so always the same. " + PRIVATE, "quiet"),
        *pieces,
    )


def _tile(sample: Sample) -> str:
    label = f"{sample.age_years:g}" + (f", {sample.gender}" if sample.gender else "")
    if sample.jpeg is None:
        return f'<li><span class="none">unreadable</span>{escape(label)}</li>'
    uri = html.data_uri(sample.jpeg, "image/jpeg")
    alt = f"A face of {label}, in {sample.split}"
    return f'<li><img src="{uri}" alt="{escape(alt)}" loading="lazy">{escape(label)}</li>'
