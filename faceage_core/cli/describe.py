"""`faceage describe`: statistics of a prepared data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faceage_core.cli.console import err, print_warning, show_progress
from faceage_core.cli.tables import print_table
from faceage_core.errors import InvalidArgument
from faceage_core.files.replace import replace_file

if TYPE_CHECKING:
    from faceage_core.data.describe.description import Description


def describe(
    dataset: Annotated[
        str,
        typer.Argument(
            help="Prepared data set: a directory, or a URI such as s3:// or gs://.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="The report file; replaced if it exists.")] = Path(
        "report.html"
    ),
    samples: Annotated[
        bool,
        typer.Option(
            "--samples/--no-samples",
            help="Show some images of every age. They are photos of people: a report with them "
            "is as private as the data set.",
        ),
    ] = True,
) -> None:
    """Describe a prepared data set: ages, groups, balance, splits, duplicates, rejected images.

    Prints tables and writes one HTML page that needs no network and no other file: histogram,
    balance, ages by group, sizes, duplicates, splits, samples, and remedies for imbalance. Warns if
    a person, or images that look the same, are in two splits.

    Example: faceage describe prepared/utkface --out utkface.html --no-samples
    """
    if out.is_dir():
        raise InvalidArgument(f"the report must be a file; {out} is a folder", field="out")
    with show_progress("reading the data set"):
        from faceage_core.data.describe.columns import read_columns, read_rejections
        from faceage_core.data.describe.description import WIDE_BAND_YEARS
        from faceage_core.data.describe.description import describe as summarise
        from faceage_core.data.describe.page import PRIVATE, render_page
        from faceage_core.data.describe.samples import choose_rows, read_samples
        from faceage_core.data.describe.sentences import warnings
        from faceage_core.data.layout import find_layout

        layout = find_layout(dataset)
        columns = read_columns(layout)
        rejections = read_rejections(layout)
        description = summarise(layout.name, layout.manifest, columns, rejections)
        rows = choose_rows(columns, WIDE_BAND_YEARS) if samples else []
        page = render_page(description, read_samples(layout, columns, rows))
        with replace_file(out) as partial:
            partial.write_text(page, encoding="utf-8")
    _print_tables(description)
    for text in warnings(description):
        print_warning(text)
    typer.echo(f"wrote {out}")
    if samples:
        err.print(f"{PRIVATE} --no-samples leaves them out.")


def _print_tables(description: "Description") -> None:
    from faceage_core.data.describe.tables import (
        REPEATS_HEADER,
        SPLIT_HEADER,
        band_rows,
        count_rows,
        repeats_rows,
        split_rows,
    )
    from faceage_core.reporting.rejections import REJECTED_HEADER, rejected_rows

    ages = description.ages
    low, middle, high = ages.quartiles
    typer.echo(
        f"{description.name}: {ages.count:,} images, ages {ages.minimum:g}-{ages.maximum:g}, mean "
        f"{ages.mean:.1f}, quartiles {low:g}, {middle:g}, {high:g}"
    )
    print_table(("years", "images", "share"), band_rows(description.wide_bands))
    for field, counts in description.groups.items():
        print_table((field, "images", "share"), count_rows(counts))
    print_table(SPLIT_HEADER, split_rows(description.splits))
    print_table(REPEATS_HEADER, repeats_rows(description))
    if description.rejected:
        print_table(REJECTED_HEADER, rejected_rows(description.rejected))
