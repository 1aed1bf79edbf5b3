"""The age report as Markdown."""

from collections.abc import Iterable, Sequence

from faceage_core.evaluation.age import words
from faceage_core.evaluation.age.plots import (
    CONFUSION,
    DECADES,
    HISTOGRAM,
    SCATTER,
)
from faceage_core.evaluation.age.report import AgeReport, Breakdown

_READING = (
    "MAE is the mean distance between estimated and true age in years, RMSE the root of the mean "
    "squared error, median the median distance; CS@5 is the share of faces that are at most 5 "
    "years off; bias is the mean of estimated minus true age, above 0 where faces are taken for "
    "older."
)
_DISTRIBUTION = (
    "The model answers with a distribution over ages. NLL is the mean negative logarithm of the "
    "density per year that it gives to the true age (a bin counts as {floor:g} at least); CRPS is "
    "in years and to a distribution what MAE is to an estimate. A central interval of 80 % is "
    "honest if it holds the true age of 80 % of the faces. The calibration error says how far "
    "P(age >= T) lies from how often that is so, on average over ten equal ranges of probability."
)
_GATE = (
    "An age gate that asks everybody for proof whose estimated age is below a threshold, the "
    "Challenge-T of NIST's evaluation of age verification. Minors are under 18: one who is "
    "estimated at the threshold or above is let through wrongly (false positive). Adults are 18 or "
    "over: one who is estimated below is challenged without need (false negative)."
)


def markdown(report: AgeReport) -> str:
    """The page; it shows the plots that lie beside it."""
    title = f"Age: {report.model.name} on {report.data.name}, {report.data.split}"
    lines = [
        f"# {_text(title)}",
        _facts(report),
        words.split_sentence(report.data),
        *_errors(report),
        *_breakdown("By age", report, report.by_decade),
        f"![Mean absolute error by decade of true age, with intervals]({DECADES})",
        f"![Share of each decade's faces by the decade of their estimate]({CONFUSION})",
        *_breakdown("By gender", report, report.by_gender),
        *_breakdown("By race", report, report.by_race),
        *_distribution(report),
        *_gate(report),
        *_gender(report),
        "## Faces that were not found",
        words.set_aside_sentence(report.data),
        *_set_aside(report),
    ]
    return "\n\n".join(lines) + "\n"


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
            ("faces", _sample(report)),
            ("faceage", report.tool_version),
            ("command", f"`{report.command}`"),
        ],
    )


def _errors(report: AgeReport) -> list[str]:
    return [
        "## Errors",
        _table(words.ERRORS_HEADER, [words.errors_row("all", report.overall)]),
        f"{_READING} {words.bootstrap_sentence(report)}",
        f"![Estimated against true age]({SCATTER})",
        f"![Histogram of errors]({HISTOGRAM})",
    ]


def _breakdown(title: str, report: AgeReport, breakdown: Breakdown | None) -> list[str]:
    if breakdown is None:
        return [f"## {title}", "The data set does not state it."]
    return [
        f"## {title}",
        _table(words.ERRORS_HEADER, words.breakdown_rows(breakdown)),
        f"{_text(words.worst_sentence(breakdown))} Split hash {_short(report)}.",
    ]


def _distribution(report: AgeReport) -> list[str]:
    found = report.distribution
    figures = [
        ("NLL", f"{found.nll:.3f}"),
        ("CRPS", f"{found.crps:.2f} years"),
        *((f"{level} % interval holds", f"{held:.1%}") for level, held in found.coverage.items()),
    ]
    return [
        "## The distribution over ages",
        _table(("figure", "value"), figures),
        _table(words.AT_LEAST_HEADER, words.at_least_rows(report)),
        f"{_DISTRIBUTION.format(floor=found.nll_floor)} {_sample(report)}.",
    ]


def _gate(report: AgeReport) -> list[str]:
    pieces = [
        "## Age gate",
        _table(words.GATE_HEADER, words.gate_rows(report.gates)),
        f"{_GATE} {_sample(report)}.",
    ]
    if rows := words.minors_rows(report.gates):
        pieces += [
            "Minors let through, by single year of age and threshold:",
            _table(words.minors_header(report.gates), rows),
        ]
    return pieces


def _gender(report: AgeReport) -> list[str]:
    if report.gender is None:
        return []
    rows = [("all", report.gender.all), *report.gender.by_stated.items()]
    return [
        "## Gender",
        _table(
            ("stated", "faces", "read rightly"),
            [(name, f"{rate.n:,}", words.share(rate)) for name, rate in rows],
        ),
        "How a face reads to a two-class network; not a statement about a person's gender.",
    ]


def _set_aside(report: AgeReport) -> list[str]:
    counts = report.data.set_aside
    if not counts:
        return []
    rows = [(reason.replace("_", " "), f"{count:,}") for reason, count in counts.items()]
    return [_table(("reason", "pictures"), rows)]


def _sample(report: AgeReport) -> str:
    found = report.overall
    return (
        f"{found.n:,} faces aged {found.youngest_years:g} to {found.oldest_years:g} years, split "
        f"hash {_short(report)}"
    )


def _short(report: AgeReport) -> str:
    """As much of the split's hash as tells splits apart; the whole of it stands at the top."""
    return report.data.split_hash[:12]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    ruler = ["---", *["---:"] * (len(header) - 1)] if len(header) > 2 else ["---"] * 2
    lines = [header, ruler, *([_text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(words: str) -> str:
    """A data set's own words must not break a table or become markup."""
    return " ".join(words.replace("|", "\\|").replace("<", "&lt;").split())
