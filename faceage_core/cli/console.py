"""What the commands show a person: results on stdout, progress and complaints on stderr."""

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

from faceage_core.models.download import Progress as Report
from faceage_core.pipeline.schema import CompareAnswer, FaceAnswer, WarningAnswer

err = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: str) -> None:
    """One line that says what went wrong."""
    err.print(f"[bold red]error:[/] {escape(' '.join(message.split()))}")


@contextmanager
def waiting(text: str) -> Iterator[Report]:
    """A spinner while something is slow; it becomes a bar once a download reports.

    Only on a terminal: into a file Rich would write blank lines.
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
                    TextColumn("fetching weights"),
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
    """One face in one line."""
    low, high = face.age_interval_80
    gender = f"  {face.gender.label} {face.gender.probability:.0%}" if face.gender else ""
    x1, y1, x2, y2 = (round(value) for value in face.bbox)
    return (
        f"{name}  face {face.index}  {face.age_prediction:.1f} years "
        f"(80 %: {low:.0f}-{high:.0f}){gender}  at {x1},{y1} to {x2},{y2}"
    )


def show_comparison(answer: CompareAnswer) -> None:
    """The two faces and the verdict, a line each, on stdout."""
    typer.echo(face_line(answer.image_1, answer.face_1))
    typer.echo(face_line(answer.image_2, answer.face_2))
    decision = answer.verification
    name = f" ({decision.operating_point})" if decision.operating_point else ""
    typer.echo(
        f"{'same person' if decision.is_match else 'different people'}: similarity "
        f"{decision.similarity_score:.4f}, threshold {decision.threshold_used:.4f}{name}; "
        f"is_match: {str(decision.is_match).lower()}"
    )


def show_warnings(warnings: tuple[WarningAnswer, ...], *, photo: str | None = None) -> None:
    """Each reason to trust the answer less, on stderr; of several photos, which one it is about."""
    about = f"{photo}: " if photo else ""
    for warning in warnings:
        err.print(f"[yellow]warning:[/] {escape(about + warning.message)}")
