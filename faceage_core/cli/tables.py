"""Tables for the terminal and for logs: text is aligned left, numbers are aligned right."""

from collections.abc import Collection, Iterable, Sequence
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

_LOG_WIDTH = 160


def print_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    text_columns: Collection[int] = (0,),
) -> None:
    """Print a table to stdout, at the width of the terminal.

    Args:
        header: names of the columns.
        rows: cells as text.
        text_columns: indices of the columns that hold text; they may wrap. The others hold numbers.
    """
    table = _fill(Table(), header, rows, text_columns, wrap_numbers=False)
    Console().print(table)


def format_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    title: str,
    text_columns: Collection[int] = (0,),
) -> str:
    """Return a table as plain text of at most 160 characters a line, whatever the terminal.

    Args:
        header: names of the columns.
        rows: cells as text.
        title: the line above the table.
        text_columns: indices of the columns that hold text. The others hold numbers.
    """
    table = Table(title=escape(title), title_justify="left", title_style="", box=SIMPLE_HEAD)
    _fill(table, header, rows, text_columns, wrap_numbers=True)
    stream = StringIO()
    Console(file=stream, width=_LOG_WIDTH, highlight=False, emoji=False).print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _fill(
    table: Table,
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    text_columns: Collection[int],
    *,
    wrap_numbers: bool,
) -> Table:
    for index, name in enumerate(header):
        is_text = index in text_columns
        table.add_column(
            escape(name),
            justify="left" if is_text else "right",
            no_wrap=not (is_text or wrap_numbers),
            overflow="fold",
        )
    for row in rows:
        table.add_row(*map(escape, row))
    return table
