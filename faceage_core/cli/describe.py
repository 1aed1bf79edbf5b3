"""`faceage describe`: statistics of a prepared data set, as tables and an HTML report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faceage_core.cli.console import err, print_warning, show_progress
from faceage_core.cli.tables import print_table
from faceage_core.errors import InvalidArgument

if TYPE_CHECKING:
    from faceage_core.data.describe.describe import Description


def describe(
    dataset: Annotated[
        str,
        typer.Argument(
            help="Prepared data set: a directory, or a URI such as s3:// or gs://.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="File for the report; replaced if it exists.")] = Path(
        "report.html"
    ),
    samples: Annotated[
        bool,
        typer.Option(
            "--samples/--no-samples",
            help="Include sample pictures of every age. They are photos of people: a report with "
            "them is as private as the data set.",
        ),
    ] = True,
) -> None:
    """Describe a prepared data set: ages, groups, balance, splits, duplicates, rejected rows.

    Prints tables and writes one self-contained HTML page, which needs no network: histogram,
    balance, ages by group, sizes, duplicates, splits, samples, and advice on imbalance. Warns if
    duplicates of a picture, or one person, are in two splits.

    Example: faceage describe prepared/utkface --out utkface.html --no-samples
    """
    if out.is_dir():
        raise InvalidArgument(f"the report must be a file; {out} is a directory", field="out")
    with show_progress("reading the data set"):
        from faceage_core.data.describe.columns import read_columns, read_rejections
        from faceage_core.data.describe.describe import WIDE_BAND_YEARS
        from faceage_core.data.describe.describe import describe as summarise
        from faceage_core.data.describe.report import PRIVATE, report
        from faceage_core.data.describe.samples import choose_rows, read_samples
        from faceage_core.data.describe.words import warnings
        from faceage_core.data.layout import find_layout

        layout = find_layout(dataset)
        columns = read_columns(layout)
        rejections = read_rejections(layout)
        description = summarise(layout.name, layout.manifest, columns, rejections)
        rows = choose_rows(columns, WIDE_BAND_YEARS) if samples else []
        page = report(description, read_samples(layout, columns, rows))
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = out.with_name(f"{out.name}.part")
        try:
            partial.write_text(page, encoding="utf-8")
            partial.replace(out)
        finally:
            partial.unlink(missing_ok=True)
    _print_tables(description)
    for text in warnings(description):
        print_warning(text)
    typer.echo(f"wrote {out}")
    if samples:
        err.print(PRIVATE)


def _print_tables(description: "Description") -> None:
    from faceage_core.data.describe.report import (
        REPEATS_HEADER,
        SPLIT_HEADER,
        repeats_rows,
        split_rows,
    )

    ages = description.ages
    low, middle, high = ages.quartiles
    typer.echo(
        f"{description.name}: {ages.count:,} pictures, ages {ages.minimum:g}-{ages.maximum:g}, "
        f"mean {ages.mean:.1f}, quartiles {low:g}, {middle:g}, {high:g}"
    )
    bands = description.wide_bands
    counts = {bands.label(band): count for band, count in enumerate(bands.counts.tolist())}
    for name, group in {"years": counts, **description.groups}.items():
        rows = [(label, f"{n:,}", f"{n / ages.count:.1%}") for label, n in group.items()]
        print_table((name, "pictures", "share"), rows)
    print_table(SPLIT_HEADER, split_rows(description.splits))
    print_table(REPEATS_HEADER, repeats_rows(description))
    if description.rejected:
        rejected = [(reason, f"{n:,}") for reason, n in description.rejected.items()]
        print_table(("set aside", "rows"), rejected)
