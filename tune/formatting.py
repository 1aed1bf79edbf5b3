"""Values and metrics of trials as text, for tables, plots and log lines."""

from collections.abc import Sequence
from typing import Any

from tune.results import TrialResult

METRICS_HEADER = ("val MAE", "CS@5", "NLL", "80 % coverage", "epochs", "status")


def format_value(value: Any) -> str:
    """Return a value as text; floats have three significant digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def trial_cells(trial: TrialResult, keys: Sequence[str]) -> list[str]:
    """Return a trial's values of these keys, then its metrics in the order of `METRICS_HEADER`."""
    best = trial.best
    return [
        *(format_value(trial.values.get(key, "")) for key in keys),
        f"{best['val_mae']:.2f}" if best else "-",
        f"{best['val_cs5']:.1%}" if best else "-",
        f"{best['val_nll']:.3f}" if "val_nll" in best else "-",
        f"{best['val_coverage_80']:.1%}" if "val_coverage_80" in best else "-",
        str(trial.epochs),
        f"{trial.status}: {trial.cause}" if trial.cause else trial.status,
    ]
