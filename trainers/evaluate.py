"""`faceage evaluate`: the errors of a trained age model, overall and by group."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from faceage_core.cli.main import run_command
from faceage_core.cli.tables import print_table
from trainers.console import Address, progress_bar

if TYPE_CHECKING:
    from faceage_core.evaluation.age.report import AgeReport


def evaluate(
    checkpoint: Annotated[
        Path, typer.Argument(help="The directory of a trained age model.", show_default=False)
    ],
    dataset: Annotated[
        str,
        typer.Argument(
            help="A data set from `faceage prepare`: its directory, or s3://, gs://.",
            show_default=False,
        ),
    ],
    split: Annotated[str, typer.Option(help="The split to evaluate on.")] = "val",
    out: Annotated[
        Path | None,
        typer.Option(
            help="The report's directory; an existing report is replaced. Default: "
            "evaluation/CHECKPOINT-DATASET-SPLIT.",
            show_default=False,
        ),
    ] = None,
    address: Address = None,
    device: Annotated[
        str, typer.Option(help="Where each worker runs the model: cpu, or cuda for one GPU each.")
    ] = "cpu",
) -> None:
    """Evaluate an age model: errors by age and group, interval coverage, age gates.

    Writes report.json, report.md and plots, without any image of a person. The model is run as in
    the service, on the crop that its card states.

    Example: faceage evaluate runs/best prepared/utkface --split val
    """
    from faceage_core.data.storage import Folder
    from faceage_core.evaluation.age.files import MARKDOWN_NAME, check_replaceable, write_report

    name = f"{checkpoint.absolute().name}-{Folder.at(dataset).name}-{split}"
    target = out or Path("evaluation") / name
    check_replaceable(target)  # before the work
    with progress_bar("loading", "estimating ages") as progress:
        from trainers import evaluation

        result = evaluation.evaluate(
            checkpoint, dataset, split=split, address=address, device=device, progress=progress
        )
    write_report(target, result.report, result.predictions)
    _print_report(result.report)
    typer.echo(f"wrote {target / MARKDOWN_NAME}, report.json and plots")


def main() -> None:
    """Run `python -m trainers.evaluate`."""
    run_command(evaluate)


def _print_report(report: "AgeReport") -> None:
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
        typer.echo(f"gender predicted correctly: {tables.format_rate(report.gender.all)}")
    typer.echo(sentences.split_sentence(data))
    typer.echo(sentences.rejected_sentence(data))


if __name__ == "__main__":
    main()
