"""Shared by the commands: the option for a Ray cluster, and a progress bar."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

Address = Annotated[
    str | None,
    typer.Option(
        envvar="RAY_ADDRESS",  # Ray sets it in a job
        help="The Ray cluster to run on, such as auto; default: this machine's cores.",
        show_default=False,
    ),
]


@contextmanager
def progress_bar(
    waiting: str, working: str, finishing: str | None = None
) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on stderr; yields the function that updates it, with (done, total).

    Only on a terminal: into a file Rich would write blank lines.

    Args:
        waiting: the text before the first update.
        working: the text from then on.
        finishing: the text once done equals total; None keeps `working`.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from faceage_core.cli.console import err

    if not err.is_terminal:
        yield lambda done, total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=err, transient=True) as bar:
        task = bar.add_task(waiting, total=None)

        def update(done: int, total: int) -> None:
            text = working if done < total else finishing or working
            bar.update(task, description=text, completed=done, total=total)

        yield update
