"""The tables of the age report as rows of text, for the terminal and for Markdown."""

from collections.abc import Iterable, Sequence

from faceage_core.evaluation.age.report import (
    AgeReport,
    Breakdown,
    Distribution,
    Errors,
    Estimate,
    Gate,
    GenderAccuracy,
    Rate,
)

Row = tuple[str, ...]

ERRORS_HEADER = (
    "", "faces", "ages", "MAE", "RMSE", "median", "CS@3", "CS@5", "CS@10", "bias",
)  # fmt: skip
SHORT_HEADER = ("", "faces", "MAE in years", "CS@5", "bias")
DISTRIBUTION_HEADER = ("figure", "value")
AT_LEAST_HEADER = ("age", "that old", "mean P(age >= T)", "calibration error")
GATE_HEADER = ("threshold", "minors let through", "of", "adults challenged", "of")
GENDER_HEADER = ("stated", "faces", "estimated correctly")


def errors_row(name: str, errors: Errors) -> Row:
    """One group, under `ERRORS_HEADER`; MAE and CS@5 with their intervals."""
    return (
        name,
        f"{errors.n:,}",
        f"{errors.youngest_years:g}-{errors.oldest_years:g}",
        format_years(errors.mae),
        f"{errors.rmse:.2f}",
        f"{errors.median:.2f}",
        f"{errors.cs3:.1%}",
        format_percent(errors.cs5),
        f"{errors.cs10:.1%}",
        f"{errors.bias:+.2f}",
    )


def short_row(name: str, errors: Errors) -> Row:
    """One group, under `SHORT_HEADER`, for a terminal of 80 columns."""
    return (
        name,
        f"{errors.n:,}",
        format_years(errors.mae),
        format_percent(errors.cs5),
        f"{errors.bias:+.2f}",
    )


def breakdown_rows(breakdown: Breakdown) -> list[Row]:
    """One row for each group, under `ERRORS_HEADER`, and the mean over the groups."""
    rows = [errors_row(name, errors) for name, errors in breakdown.groups.items()]
    mean = ["mean over groups", *[""] * (len(ERRORS_HEADER) - 1)]
    mean[ERRORS_HEADER.index("MAE")] = f"{breakdown.mean_mae:.2f}"
    mean[ERRORS_HEADER.index("CS@5")] = f"{breakdown.mean_cs5:.1%}"
    return [*rows, tuple(mean)]


def distribution_rows(distribution: Distribution) -> list[Row]:
    """One row for each figure, under `DISTRIBUTION_HEADER`."""
    return [
        ("NLL", f"{distribution.nll:.3f}"),
        ("CRPS", f"{distribution.crps:.2f} years"),
        *(
            (f"coverage of the {level} % interval", f"{share:.1%}")
            for level, share in distribution.coverage.items()
        ),
    ]


def at_least_rows(report: AgeReport) -> list[Row]:
    """One row for each age, under `AT_LEAST_HEADER`."""
    return [
        (
            f"{row.age_years}",
            f"{row.n_at_least:,} ({row.share:.1%})",
            f"{row.mean_probability:.1%}",
            f"{row.calibration_error:.3f}",
        )
        for row in report.distribution.at_least
    ]


def gate_rows(gates: Iterable[Gate]) -> list[Row]:
    """One row for each threshold, under `GATE_HEADER`."""
    return [
        (
            f"{gate.threshold_years} years",
            format_rate(gate.minors),
            f"{gate.minors.n:,}",
            format_rate(gate.adults),
            f"{gate.adults.n:,}",
        )
        for gate in gates
    ]


def minors_header(gates: Sequence[Gate]) -> Row:
    """The header of `minors_rows`."""
    return ("true age", "faces", *(f"estimated >= {gate.threshold_years}" for gate in gates))


def minors_rows(gates: Sequence[Gate]) -> list[Row]:
    """One row for each year of age below 18 that occurs: the share let through by each gate."""
    return [
        (
            str(age),
            f"{gates[0].minors_by_age[age].n:,}",
            *(format_rate(gate.minors_by_age[age]) for gate in gates),
        )
        for age in gates[0].minors_by_age
    ]


def gender_rows(gender: GenderAccuracy) -> list[Row]:
    """One row for all faces and one for each stated gender, under `GENDER_HEADER`."""
    rates = [("all", gender.all), *gender.by_stated.items()]
    return [(name, f"{rate.n:,}", format_rate(rate)) for name, rate in rates]


def format_years(estimate: Estimate) -> str:
    """A figure in years with its interval."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def format_percent(estimate: Estimate) -> str:
    """A share as a percentage with its interval."""
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.1%}"
    return f"{estimate.value:.1%} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def format_rate(rate: Rate) -> str:
    """A rate as a percentage; a dash if there is nothing to count."""
    return "-" if rate.rate is None else f"{rate.rate:.1%}"
