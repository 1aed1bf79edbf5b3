"""The directory of an age report: report.json, report.md and the plots."""

from pathlib import Path

from faceage_core.errors import InvalidArgument
from faceage_core.evaluation.age.markdown import markdown
from faceage_core.evaluation.age.plots import CONFUSION, DECADES, HISTOGRAM, SCATTER, plots
from faceage_core.evaluation.age.predictions import AgePredictions
from faceage_core.evaluation.age.report import AgeReport
from faceage_core.files.replace import replace_directory

JSON_NAME, MARKDOWN_NAME = "report.json", "report.md"
_OWN_FILES = {JSON_NAME, MARKDOWN_NAME, SCATTER, DECADES, CONFUSION, HISTOGRAM}


def write_report(directory: Path, report: AgeReport, predictions: AgePredictions) -> None:
    """Write the report and its plots; an existing report is replaced as a whole.

    Args:
        directory: created if missing.
        report: the report.
        predictions: the predictions that it was computed from, for the plots.

    Raises:
        InvalidArgument: see `check_replaceable`.
        OSError: the disk is full or not writable.
    """
    target = directory.resolve()
    check_replaceable(target)
    files = {
        JSON_NAME: (report.model_dump_json(indent=2) + "\n").encode(),
        MARKDOWN_NAME: markdown(report).encode(),
        **plots(predictions, report),
    }
    with replace_directory(target) as fresh:
        for name, content in files.items():
            (fresh / name).write_bytes(content)


def check_replaceable(directory: Path) -> None:
    """Check that a directory can be replaced: it is new, or contains nothing but a report.

    Raises:
        InvalidArgument: it contains other files, or is a file.
    """
    if directory.exists() and not directory.is_dir():
        raise InvalidArgument(
            f"the report must be a directory; {directory.name} is a file", field="out"
        )
    present = {path.name for path in directory.iterdir()} if directory.exists() else set()
    if others := sorted(present - _OWN_FILES):
        raise InvalidArgument(
            f"{directory.name} contains other files ({', '.join(others[:3])}), and a report "
            "replaces the whole directory; name a new directory",
            field="out",
        )
