"""`faceage describe`: what a prepared data set holds, before anyone trains on it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from faceage_core.cli.console import err, waiting
from faceage_core.errors import InvalidArgument
from faceage_core.files.replace import replace_file

if TYPE_CHECKING:
    from faceage_core.data.describe.description import Description


def describe(
    dataset: Annotated[
        str,
        typer.Argument(
            help="A data set that `faceage prepare` made: its directory, or s3://, gs://.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="Where to write the report; replaced if it is there.")
    ] = Path("report.html"),
    samples: Annotated[
        bool,
        typer.Option(
            "--samples/--no-samples",
            help="Show some pictures of every age. They are photos of people: a report with them "
            "is as private as the data set.",
        ),
    ] = True,
) -> None:
    """Which ages and groups a data set holds, how even, how its splits compare, what was left out.

    Prints a table and writes one HTML page that needs no network and no other file: histogram,
    balance, ages by group, sizes, duplicates, splits, samples, and what to do about imbalance.
    Warns where a picture's double or a person is in two splits.

    Example: faceage describe prepared/utkface --out utkface.html --no-samples
    """
    if out.is_dir():
        raise InvalidArgument(f"--out must be a file; {out} is a folder", field="out")
    with waiting("reading the data set"):
        from faceage_core.data.describe.columns import read_columns, read_rejections
        from faceage_core.data.describe.description import WIDE_BAND_YEARS
        from faceage_core.data.describe.description import describe as summarise
        from faceage_core.data.describe.page import PRIVATE, report
        from faceage_core.data.describe.samples import choose_rows, read_samples
        from faceage_core.data.describe.sentences import warnings
        from faceage_core.data.layout import find_layout

        layout = find_layout(dataset)
        columns = read_columns(layout)
        found = summarise(layout.name, layout.manifest, columns, read_rejections(layout))
        rows = choose_rows(columns, WIDE_BAND_YEARS) if samples else []
        page = report(found, read_samples(layout, columns, rows))
        with replace_file(out) as partial:
            partial.write_text(page, encoding="utf-8")
    _show(found)
    for text in warnings(found):
        err.print(f"[yellow]warning:[/] {text}")
    typer.echo(f"wrote {out}")
    if samples:
        err.print(PRIVATE)


def _show(found: "Description") -> None:
    from faceage_core.data.describe.page import (
        REPEATS_HEADER,
        SPLIT_HEADER,
        repeats_rows,
        split_rows,
    )

    ages = found.ages
    low, middle, high = ages.quartiles
    typer.echo(
        f"{found.name}: {ages.count:,} pictures, ages {ages.minimum:g}-{ages.maximum:g}, mean "
        f"{ages.mean:.1f}, quartiles {low:g}, {middle:g}, {high:g}"
    )
    total = ages.count
    bands = enumerate(found.wide_bands.counts.tolist())
    _print("years", [(found.wide_bands.label(band), *_part(n, total)) for band, n in bands])
    for field, counts in found.groups.items():
        _print(field, [(word, *_part(count, total)) for word, count in counts.items()])
    _table(SPLIT_HEADER, split_rows(found.splits))
    _table(REPEATS_HEADER, repeats_rows(found))
    if found.rejected:
        _table(("set aside", "rows"), [(word, f"{n:,}") for word, n in found.rejected.items()])


def _part(count: int, total: int) -> tuple[str, str]:
    return f"{count:,}", f"{count / total:.1%}"


def _print(name: str, rows: Iterable[Sequence[str]]) -> None:
    _table((name, "pictures", "share"), rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.markup import escape

    table = Table()
    for column, name in enumerate(header):
        table.add_column(name, justify="right" if column else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(escape, row))
    Console().print(table)
