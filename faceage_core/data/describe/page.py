"""The description as one HTML page."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby

from faceage_core.data.describe import plots
from faceage_core.data.describe.description import WIDE_BAND_YEARS, Description, SplitSummary
from faceage_core.data.describe.samples import Sample
from faceage_core.data.describe.sentences import imbalance, warnings
from faceage_core.data.describe.statistics import Ages, Bands
from faceage_core.data.describe.tables import (
    REPEATS_HEADER,
    SPLIT_HEADER,
    band_rows,
    count_rows,
    repeats_rows,
    split_rows,
)
from faceage_core.reporting import html
from faceage_core.reporting.rejections import REJECTED_HEADER, rejected_rows

PRIVATE = "This page embeds photos of people: treat it as private, like the data set itself."
_SIZES_SHOWN = 10


def render_page(description: Description, samples: Sequence[Sample]) -> str:
    """Write the page.

    Args:
        description: the statistics to show.
        samples: thumbnails, youngest first; without any the contact sheet is left out.
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


def _head(title: str, description: Description, *, with_samples: bool) -> str:
    manifest = description.manifest
    facts = (
        f"source {manifest.dataset}; prepared by faceage {manifest.tool_version}; "
        f"split {manifest.split_hash}"
    )
    pieces = [
        f"<h1>{escape(title)}</h1>",
        html.paragraph(
            f"{description.ages.count:,} images in {len(description.splits)} splits, "
            f"{sum(description.rejected.values()):,} rejected. {facts}",
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
    summary = (
        f"Ages range from {ages.minimum:g} to {ages.maximum:g} years, mean {ages.mean:.1f}, "
        f"standard deviation {ages.std:.1f}. The quartiles are {low:g}, {middle:g} and {high:g}."
    )
    alt = f"Histogram of ages in bands of 5 years; the largest is {bands.label(bands.peak)} years."
    return html.section(
        "Ages",
        html.paragraph(summary),
        html.plot(plots.age_histogram(bands), alt),
        html.details(
            "The histogram's numbers",
            html.table("Images by age", ("years", "images", "%"), band_rows(bands)),
        ),
    )


def _group(field: str, counts: Mapping[str, int], joint: Bands) -> str:
    rows, values = count_rows(counts), list(counts)
    balance = ", ".join(f"{value} {share}" for value, _, share in rows)
    header = (field, *(joint.label(band) for band in range(joint.counts.shape[1])))
    cells = [
        (value, *(f"{count:,}" for count in line))
        for value, line in zip(values, joint.counts.tolist(), strict=True)
    ]
    return html.section(
        f"{field.capitalize()}, and {field} by age",
        html.plot(plots.value_bars(counts), f"Bars: {balance}."),
        html.details(
            "The bars' numbers", html.table(f"Images by {field}", (field, "images", "%"), rows)
        ),
        html.plot(
            plots.heat_map(values, joint),
            f"Heat map of images by {field} and age, logarithmic; empty cells are white.",
        ),
        html.details(
            "The heat map's numbers", html.table(f"Images by {field} and age", header, cells)
        ),
    )


def _splits(splits: tuple[SplitSummary, ...]) -> str:
    about = (
        "Distance is the Kolmogorov-Smirnov distance between the ages of a split and those of all "
        "other splits: 0 for equal distributions, 1 for disjoint ones."
    )
    names = ", ".join(split.name for split in splits)
    return html.section(
        "Splits",
        html.table("The splits compared", SPLIT_HEADER, split_rows(splits)),
        html.paragraph(about, "quiet"),
        html.plot(
            plots.split_curves(splits),
            f"Share of each age band within each split, one line each: {names}.",
        ),
    )


def _repeats(description: Description) -> str:
    return html.section(
        "Duplicates and people",
        html.table("Groups of two images or more", REPEATS_HEADER, repeats_rows(description)),
    )


def _sizes(sizes: Mapping[tuple[int, int], int]) -> str:
    rows = [(f"{w} x {h}", f"{count:,}") for (w, h), count in list(sizes.items())[:_SIZES_SHOWN]]
    pieces = [html.table("The most frequent sizes", ("width x height", "images"), rows)]
    if len(sizes) > 1:
        alt = f"Widths and heights of the images, {len(sizes)} different pairs."
        pieces.append(html.plot(plots.size_scatter(sizes), alt))
    return html.section("Image sizes", *pieces)


def _rejected(rejected: Mapping[str, int]) -> str:
    if not rejected:
        return html.section("Rejected images", html.paragraph("None."))
    table = html.table(
        "By reason; rejected.parquet lists them", REJECTED_HEADER, rejected_rows(rejected)
    )
    return html.section("Rejected images", table)


def _contact_sheet(samples: Sequence[Sample]) -> str:
    pieces = []
    for band, inside in groupby(samples, key=lambda sample: sample.age_years // WIDE_BAND_YEARS):
        first = int(band * WIDE_BAND_YEARS)
        pieces.append(f"<h3>{first} to {first + WIDE_BAND_YEARS - 1} years</h3>")
        pieces.append('<ul class="sheet">' + "".join(map(_tile, inside)) + "</ul>")
    return html.section(
        "Samples by age",
        html.paragraph("Chosen by their digests, so the choice is stable. " + PRIVATE, "quiet"),
        *pieces,
    )


def _tile(sample: Sample) -> str:
    label = f"{sample.age_years:g}" + (f", {sample.gender}" if sample.gender else "")
    if sample.jpeg is None:
        return f'<li><span class="none">unreadable</span>{escape(label)}</li>'
    uri = html.data_uri(sample.jpeg, "image/jpeg")
    alt = f"A face of {label}, in {sample.split}"
    return f'<li><img src="{uri}" alt="{escape(alt)}" loading="lazy">{escape(label)}</li>'
