"""Output of the commands: results on stdout; progress, warnings and errors on stderr."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TransferSpeedColumn,
)

from faceage_core.models.download import Progress as OnProgress
from faceage_core.pipeline.schema import CompareAnswer, FaceAnswer, WarningAnswer

err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_error(message: str) -> None:
    """Print an error message to stderr, on one line."""
    err.print(f"[bold red]error:[/] {escape(' '.join(message.split()))}")


def print_warning(message: str) -> None:
    """Print a warning to stderr."""
    err.print(f"[yellow]warning:[/] {escape(message)}")


@contextmanager
def show_progress(text: str) -> Iterator[OnProgress]:
    """Show a spinner, which a progress bar replaces once a download reports its progress.

    Shown only if stderr is a terminal: Rich would write blank lines into a file.

    Args:
        text: the name of the activity, such as "loading models".

    Yields:
        A function of the downloaded and the total bytes.
    """
    if not err.is_terminal:
        yield lambda done, total: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=err, transient=True) as spinner:
        spinner.add_task(text, total=None)
        bar: Progress | None = None

        def report(done: int, total: int | None) -> None:
            nonlocal bar
            if bar is None:
                spinner.stop()
                bar = Progress(
                    TextColumn("downloading weights"),
                    BarColumn(),
                    DownloadColumn(),
                    TransferSpeedColumn(),
                    console=err,
                    transient=True,
                )
                bar.add_task("", total=total)
                bar.start()
            bar.update(bar.task_ids[0], completed=done, total=total)

        try:
            yield report
        finally:
            if bar is not None:
                bar.stop()


def face_line(name: str, face: FaceAnswer) -> str:
    """Return a line of text for one face."""
    low, high = face.age_interval_80
    gender = f"  {face.gender.label} {face.gender.probability:.0%}" if face.gender else ""
    x1, y1, x2, y2 = (round(value) for value in face.bbox)
    return (
        f"{name}  face {face.index}  {face.age_prediction:.1f} years "
        f"(80 %: {low:.0f}-{high:.0f}){gender}  at {x1},{y1} to {x2},{y2}"
    )


def print_comparison(answer: CompareAnswer) -> None:
    """Print the two faces and the decision to stdout, one line each."""
    typer.echo(face_line(answer.image_1, answer.face_1))
    typer.echo(face_line(answer.image_2, answer.face_2))
    decision = answer.verification
    name = f" ({decision.operating_point})" if decision.operating_point else ""
    typer.echo(
        f"{'same person' if decision.is_match else 'different people'}: similarity "
        f"{decision.similarity_score:.4f}, threshold {decision.threshold_used:.4f}{name}; "
        f"is_match: {str(decision.is_match).lower()}"
    )


def print_warnings(warnings: tuple[WarningAnswer, ...], *, photo: str | None = None) -> None:
    """Print each warning of an answer to stderr.

    Args:
        warnings: of the answer.
        photo: name of the photo, if the command has several.
    """
    prefix = f"{photo}: " if photo else ""
    for warning in warnings:
        print_warning(prefix + warning.message)
