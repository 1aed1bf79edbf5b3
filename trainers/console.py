"""What the commands share: the option of a cluster, a run by `python -m`, and a bar."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

Address = Annotated[
    str | None,
    typer.Option(
        envvar="RAY_ADDRESS",  # which Ray gives to a job
        help="A Ray cluster to run on, such as auto; default: this machine's cores.",
        show_default=False,
    ),
]


def run_alone(command: Callable[..., None]) -> None:
    """A command outside of `faceage`, with its options and errors."""
    from faceage_core.cli.main import run

    def app() -> typer.Typer:
        made = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        made.command(command.__name__)(command)
        return made

    run(app)


@contextmanager
def progress_bar(
    waiting: str, working: str, ending: str | None = None
) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr; the function given takes what is done and what there is.

    Only on a terminal: into a file Rich would write blank lines.

    Args:
        waiting: what happens before the first call, in words.
        working: from then on.
        ending: once all is done; None: nothing more.
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

        def report(done: int, total: int) -> None:
            words = working if done < total else ending or working
            bar.update(task, description=words, completed=done, total=total)

        yield report
