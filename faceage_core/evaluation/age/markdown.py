"""The age report as Markdown."""

from collections.abc import Iterable, Sequence

from faceage_core.evaluation.age import sentences, tables
from faceage_core.evaluation.age.plots import CONFUSION, DECADES, HISTOGRAM, SCATTER
from faceage_core.evaluation.age.report import AgeReport, Breakdown
from faceage_core.reporting.rejections import REJECTED_HEADER, rejected_rows

_ERRORS = (
    "MAE is the mean absolute error in years, RMSE the root of the mean squared error, median the "
    "median absolute error; CS@5 is the share of faces with an error of at most 5 years; bias is "
    "the mean of estimated minus true age, above 0 if estimates are too old."
)
_DISTRIBUTION = (
    "The model predicts a distribution over ages. NLL is the mean negative logarithm of the "
    "probability density per year at the true age (a bin's probability counts as at least "
    "{floor:g}). CRPS, in years, is the generalisation of the MAE to distributions. A central "
    "interval of 80 % is calibrated if it contains the true age of 80 % of the faces. The "
    "calibration error is the distance between P(age >= T) and the share of faces that are that "
    "old, averaged over ten equal ranges of probability."
)
_GATE = (
    "The age gate asks everybody for proof whose estimated age is below a threshold, the "
    "Challenge-T of NIST's evaluation of age verification. Minors are under 18: a minor estimated "
    "at or above the threshold is wrongly let through (false positive). Adults are 18 or over: an "
    "adult estimated below the threshold is challenged needlessly (false negative)."
)


def markdown(report: AgeReport) -> str:
    """Write the page; it links to the plots in the same directory."""
    title = f"Age: {report.model.name} on {report.data.name}, {report.data.split}"
    blocks = [
        f"# {_escape(title)}",
        _facts(report),
        sentences.split_sentence(report.data),
        *_errors(report),
        *_breakdown("By age", report, report.by_decade),
        f"![Mean absolute error by decade of true age, with intervals]({DECADES})",
        f"![Share of each decade's faces by the decade of their estimate]({CONFUSION})",
        *_breakdown("By gender", report, report.by_gender),
        *_breakdown("By race", report, report.by_race),
        *_distribution(report),
        *_gate(report),
        *_gender(report),
        *_rejected(report),
    ]
    return "\n\n".join(blocks) + "\n"


def _facts(report: AgeReport) -> str:
    model, data = report.model, report.data
    resized = f", resized from the stored {data.stored_px}" * (data.stored_px != model.crop_px)
    return _table(
        ("", ""),
        [
            ("model", f"{model.name} {model.version}, {model.architecture}"),
            ("licence of the model", model.license),
            ("weights, sha256", ", ".join(model.weights_sha256)),
            ("crop", f"{model.crop_px} pixels{resized}"),
            ("data set", f"{data.name}, of {data.source}"),
            ("licence of the data", data.license),
            ("split", f"{data.split}, hash {data.split_hash}"),
            ("faces", sentences.sample_phrase(report)),
            ("faceage", report.tool_version),
            ("command", f"`{report.command}`"),
        ],
    )


def _errors(report: AgeReport) -> list[str]:
    return [
        "## Errors",
        _table(tables.ERRORS_HEADER, [tables.errors_row("all", report.overall)]),
        f"{_ERRORS} {sentences.bootstrap_sentence(report)}",
        f"![Estimated against true age]({SCATTER})",
        f"![Histogram of errors]({HISTOGRAM})",
    ]


def _breakdown(title: str, report: AgeReport, breakdown: Breakdown | None) -> list[str]:
    if breakdown is None:
        return [f"## {title}", "The data set does not state it."]
    return [
        f"## {title}",
        _table(tables.ERRORS_HEADER, tables.breakdown_rows(breakdown)),
        f"{_escape(sentences.worst_sentence(breakdown))} Split hash "
        f"{sentences.short_split_hash(report.data)}.",
    ]


def _distribution(report: AgeReport) -> list[str]:
    explanation = _DISTRIBUTION.format(floor=report.distribution.nll_floor)
    return [
        "## The distribution over ages",
        _table(tables.DISTRIBUTION_HEADER, tables.distribution_rows(report.distribution)),
        _table(tables.AT_LEAST_HEADER, tables.at_least_rows(report)),
        f"{explanation} {sentences.sample_phrase(report)}.",
    ]


def _gate(report: AgeReport) -> list[str]:
    blocks = [
        "## Age gate",
        _table(tables.GATE_HEADER, tables.gate_rows(report.gates)),
        f"{_GATE} {sentences.sample_phrase(report)}.",
    ]
    if rows := tables.minors_rows(report.gates):
        blocks += [
            "Minors let through, by single year of age and threshold:",
            _table(tables.minors_header(report.gates), rows),
        ]
    return blocks


def _gender(report: AgeReport) -> list[str]:
    if report.gender is None:
        return []
    return [
        "## Gender",
        _table(tables.GENDER_HEADER, tables.gender_rows(report.gender)),
        "The output of a two-class network; not a statement about a person's gender.",
    ]


def _rejected(report: AgeReport) -> list[str]:
    rejected = report.data.set_aside
    blocks = ["## Rejected images", sentences.rejected_sentence(report.data)]
    if rejected:
        blocks.append(_table(REJECTED_HEADER, rejected_rows(rejected)))
    return blocks


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruler = ["---", *["---:"] * (len(header) - 1)] if len(header) > 2 else ["---"] * 2
    lines = [header, ruler, *([_escape(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escape(text: str) -> str:
    """Escape text of a data set, so that it cannot break a table or become markup."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
