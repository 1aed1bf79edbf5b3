"""The age report's directory: report.json, report.md and the plots, replaced as a whole."""

import shutil
from pathlib import Path
from uuid import uuid4

from faceage_core.errors import InvalidArgument
from faceage_core.evaluation.age.markdown import markdown
from faceage_core.evaluation.age.plots import CONFUSION, DECADES, HISTOGRAM, SCATTER, plots
from faceage_core.evaluation.age.predictions import AgePredictions
from faceage_core.evaluation.age.report import AgeReport

JSON_NAME, MARKDOWN_NAME = "report.json", "report.md"
_OURS = {JSON_NAME, MARKDOWN_NAME, SCATTER, DECADES, CONFUSION, HISTOGRAM}


def write_report(directory: Path, report: AgeReport, predictions: AgePredictions) -> None:
    """Write the report; a killed run leaves the former one, or none, and no mixture.

    Args:
        directory: where; made if missing. A report that is there is replaced.
        report: what to write.
        predictions: what it was made from, for the plots.

    Raises:
        InvalidArgument: see `check_replaceable`.
        OSError: the disk is full or must not be written to.
    """
    target = directory.resolve()
    check_replaceable(target)
    files = {
        JSON_NAME: (report.model_dump_json(indent=2) + "\n").encode(),
        MARKDOWN_NAME: markdown(report).encode(),
        **plots(predictions, report),
    }
    aside = f".{target.name}.{uuid4().hex[:8]}"
    fresh, old = target.with_name(f"{aside}.new"), target.with_name(f"{aside}.old")
    fresh.mkdir(parents=True)
    try:
        for name, content in files.items():
            (fresh / name).write_bytes(content)
        if target.exists():
            target.rename(old)  # kept until the new one is in its place
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


def check_replaceable(directory: Path) -> None:
    """Refuse to replace what is not a report, such as a home directory.

    Raises:
        InvalidArgument: the directory holds files that are no part of a report, or is a file.
    """
    if directory.exists() and not directory.is_dir():
        raise InvalidArgument(f"{directory.name} is a file, and a report is a directory")
    present = {path.name for path in directory.iterdir()} if directory.exists() else set()
    if others := sorted(present - _OURS):
        raise InvalidArgument(
            f"{directory.name} holds other files ({', '.join(others[:3])}), and writing a report "
            "replaces it as a whole; name a directory of its own"
        )
