"""`faceage evaluate`: how far off a trained age model is, and for whom."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainers.console import Address, progress_bar, run_alone

if TYPE_CHECKING:
    from faceage_core.evaluation.age.report import AgeReport


def evaluate(
    checkpoint: Annotated[
        Path, typer.Argument(help="A trained age model: its directory.", show_default=False)
    ],
    dataset: Annotated[
        str,
        typer.Argument(
            help="A data set that `faceage prepare` made: its directory, or s3://, gs://.",
            show_default=False,
        ),
    ],
    split: Annotated[str, typer.Option(help="Which of its splits.")] = "val",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where to write the report, replaced if it is there. Default: "
            "evaluation/CHECKPOINT-DATASET-SPLIT.",
            show_default=False,
        ),
    ] = None,
    address: Address = None,
    device: Annotated[
        str, typer.Option(help="Where each worker runs the model: cpu, or cuda for one GPU each.")
    ] = "cpu",
) -> None:
    """Measure an age model: errors by age and group, honest intervals, age gates.

    Writes report.json, report.md and plots; no picture of anybody is in them. The model is run as
    the service runs it, on pictures cut as its card says.

    Example: faceage evaluate runs/best prepared/utkface --split val
    """
    from faceage_core.data.storage import Folder
    from faceage_core.evaluation.age.files import MARKDOWN_NAME, check_replaceable, write_report

    name = f"{checkpoint.absolute().name}-{Folder.at(dataset).name}-{split}"
    target = out or Path("evaluation") / name
    check_replaceable(target)  # before the work, not after it
    with progress_bar("loading", "estimating ages") as progress:
        from trainers import evaluation as evaluating

        found = evaluating.evaluate(
            checkpoint, dataset, split=split, address=address, device=device, progress=progress
        )
    write_report(target, found.report, found.predictions)
    _show(found.report)
    typer.echo(f"wrote {target / MARKDOWN_NAME}, with report.json and plots beside it")


def main() -> None:
    """`python -m trainers.evaluate`."""
    run_alone(evaluate)


def _show(report: "AgeReport") -> None:
    from faceage_core.evaluation.age import sentences, tables

    data, errors = report.data, report.overall
    typer.echo(
        f"{report.model.name} {report.model.version} on {data.name}, {data.split}: "
        f"{sentences.sample_phrase(report)}"
    )
    typer.echo(
        f"RMSE {errors.rmse:.2f}, median {errors.median:.2f} years; CS@3 {errors.cs3:.1%}, CS@10 "
        f"{errors.cs10:.1%}"
    )
    breakdowns = [one for one in (report.by_decade, report.by_gender, report.by_race) if one]
    groups = [pair for one in breakdowns for pair in one.groups.items()]
    print_table(
        tables.SHORT_HEADER, [tables.short_row(*pair) for pair in [("all", errors), *groups]]
    )
    typer.echo(sentences.bootstrap_sentence(report))
    for breakdown in breakdowns:
        typer.echo(sentences.worst_sentence(breakdown))
    print_table(tables.GATE_HEADER, tables.gate_rows(report.gates))
    covered = ", ".join(f"{p} %: {held:.1%}" for p, held in report.distribution.coverage.items())
    typer.echo(
        f"NLL {report.distribution.nll:.3f}, CRPS {report.distribution.crps:.2f} years; true age "
        f"inside the central interval of {covered}"
    )
    if report.gender is not None:
        typer.echo(f"gender read rightly: {tables.format_rate(report.gender.all)}")
    typer.echo(sentences.split_sentence(data))
    typer.echo(sentences.rejected_sentence(data))


if __name__ == "__main__":
    main()
