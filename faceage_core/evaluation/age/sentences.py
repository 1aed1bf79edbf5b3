"""The age report in words and tables, for a terminal and for Markdown alike."""

from collections.abc import Iterable, Sequence

from faceage_core.evaluation.age.report import (
    AgeReport,
    Breakdown,
    DataFacts,
    Errors,
    Estimate,
    Gate,
    Rate,
)

ERRORS_HEADER = (
    "", "faces", "ages", "MAE", "RMSE", "median", "CS@3", "CS@5", "CS@10", "bias",
)  # fmt: skip
SHORT_HEADER = ("", "faces", "MAE in years", "CS@5", "bias")
AT_LEAST_HEADER = ("age", "that old", "mean P(age >= T)", "calibration error")
GATE_HEADER = (
    "threshold", "minors let through", "of", "adults challenged", "of",
)  # fmt: skip


def errors_row(name: str, errors: Errors) -> tuple[str, ...]:
    """One group, as `ERRORS_HEADER` says; MAE and CS@5 with their intervals."""
    return (
        name,
        f"{errors.n:,}",
        f"{errors.youngest_years:g}-{errors.oldest_years:g}",
        years(errors.mae),
        f"{errors.rmse:.2f}",
        f"{errors.median:.2f}",
        f"{errors.cs3:.1%}",
        percent(errors.cs5),
        f"{errors.cs10:.1%}",
        f"{errors.bias:+.2f}",
    )


def short_row(name: str, errors: Errors) -> tuple[str, ...]:
    """One group, as `SHORT_HEADER` says, for a terminal of 80 columns."""
    return (
        name,
        f"{errors.n:,}",
        years(errors.mae),
        percent(errors.cs5),
        f"{errors.bias:+.2f}",
    )


def breakdown_rows(breakdown: Breakdown) -> list[tuple[str, ...]]:
    """A row a group, then the mean over the groups."""
    rows = [errors_row(name, errors) for name, errors in breakdown.groups.items()]
    mean = ["mean over groups", *[""] * (len(ERRORS_HEADER) - 1)]
    mean[ERRORS_HEADER.index("MAE")] = f"{breakdown.mean_mae:.2f}"
    mean[ERRORS_HEADER.index("CS@5")] = f"{breakdown.mean_cs5:.1%}"
    return [*rows, tuple(mean)]


def worst_sentence(breakdown: Breakdown) -> str:
    """Which group is served worst."""
    worst = breakdown.groups[breakdown.worst]
    return (
        f"Worst group: {breakdown.worst}, MAE {worst.mae.value:.2f} years, n = {worst.n:,} (among "
        f"{breakdown.worst_among})."
    )


def at_least_rows(report: AgeReport) -> list[tuple[str, ...]]:
    """A row an age, as `AT_LEAST_HEADER` says."""
    return [
        (
            f"{row.age_years}",
            f"{row.n_at_least:,} ({row.share:.1%})",
            f"{row.mean_probability:.1%}",
            f"{row.calibration_error:.3f}",
        )
        for row in report.distribution.at_least
    ]


def gate_rows(gates: Iterable[Gate]) -> list[tuple[str, ...]]:
    """A row a threshold, as `GATE_HEADER` says."""
    return [
        (
            f"{gate.threshold_years} years",
            share(gate.minors),
            f"{gate.minors.n:,}",
            share(gate.adults),
            f"{gate.adults.n:,}",
        )
        for gate in gates
    ]


def minors_header(gates: Sequence[Gate]) -> tuple[str, ...]:
    """Of `minors_rows`."""
    return ("true age", "faces", *(f"below {gate.threshold_years}" for gate in gates))


def minors_rows(gates: Sequence[Gate]) -> list[tuple[str, ...]]:
    """A row a year of age below 18 that occurs: who would be let through at each threshold."""
    return [
        (
            str(age),
            f"{gates[0].minors_by_age[age].n:,}",
            *(share(gate.minors_by_age[age]) for gate in gates),
        )
        for age in gates[0].minors_by_age
    ]


def split_sentence(data: DataFacts) -> str:
    """Whether a person may be both in training and here."""
    match data.identities:
        case "all":
            return "The data set says who is in each picture; no person is in two splits."
        case "some":
            return (
                "The data set says only of some pictures who it is; those people are in one split."
            )
    return (
        "Image-level split: the data set does not say who is in a picture, so other pictures of "
        "the same people may have been trained on. Errors on new people are likely larger."
    )


def bootstrap_sentence(report: AgeReport) -> str:
    """How the intervals were made."""
    made = report.bootstrap
    drawn = "people, each with all pictures," if made.unit == "subject" else "single pictures"
    return (
        f"In brackets: 95 % bootstrap intervals, {made.resamples:,} resamples of {drawn} with seed "
        f"{made.seed}; of a group of a few faces they say too little."
    )


def set_aside_sentence(data: DataFacts) -> str:
    """Faces not found, and the rest of what never reached the model."""
    total = sum(data.set_aside.values())
    if not total:
        return f"All {data.read:,} pictures of the source, over all splits, could be used."
    missed = data.faces_not_found
    return (
        f"When the data set was prepared, over all splits, no face was found in {missed:,} of "
        f"{data.read:,} pictures ({missed / data.read:.1%}); set aside for other reasons: "
        f"{total - missed:,}. None of them is in the figures above."
    )


def years(estimate: Estimate) -> str:
    """A figure in years with its interval."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def percent(estimate: Estimate) -> str:
    """A share as a percentage with its interval."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.1%}"
    return f"{estimate.value:.1%} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def share(rate: Rate) -> str:
    """A rate as a percentage; a dash where there is nobody to count."""
    return "-" if rate.rate is None else f"{rate.rate:.1%}"
