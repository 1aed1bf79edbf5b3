"""The trials of a stage as tables for the terminal."""

from collections.abc import Iterable, Sequence
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tune.results import Trial, epochs_spent, ranked, varied_keys
from tune.space import Stage
from tune.values import shown

HEADER = ("val MAE", "CS@5", "NLL", "80 % holds", "epochs", "status")
_WIDTH = 160


def stage_tables(stage: Stage, number: int, trials: Sequence[Trial], epochs: int) -> str:
    """All trials, the best first; of a grid of two keys also the MAE by both.

    Args:
        stage: what was varied.
        number: of the stage, from 1.
        trials: its trials.
        epochs: of a trial that runs to its end.
    """
    keys = varied_keys(trials)
    rows = [[trial.id, *row(trial, keys)] for trial in ranked(trials)]
    title = f"stage {number}: {stage.search}, {len(trials)} trials of up to {epochs} epochs"
    text = _table(title, ("trial", *keys, *HEADER), rows)
    if stage.search == "grid" and len(keys) == 2:
        text += _matrix(trials, *keys)
    spent, full = epochs_spent(trials, epochs)
    return text + f"{spent} epochs trained; all trials to their end: {full} ({spent / full:.0%})"


def row(trial: Trial, keys: Sequence[str]) -> list[str]:
    """A trial's values and figures in words."""
    best = trial.best
    return [
        *(shown(trial.values.get(key, "")) for key in keys),
        f"{best['val_mae']:.2f}" if best else "-",
        f"{best['val_cs5']:.1%}" if best else "-",
        f"{best['val_nll']:.3f}" if "val_nll" in best else "-",
        f"{best['val_coverage_80']:.1%}" if "val_coverage_80" in best else "-",
        str(trial.epochs),
        f"{trial.status}: {trial.cause}" if trial.cause else trial.status,
    ]


def _matrix(trials: Sequence[Trial], down: str, across: str) -> str:
    """The MAE by two keys."""
    columns = list(dict.fromkeys(trial.values[across] for trial in trials))
    rows = [
        [
            shown(value),
            *(_mae(trials, {down: value, across: column}) for column in columns),
        ]
        for value in dict.fromkeys(trial.values[down] for trial in trials)
    ]
    header = (f"{down} \\ {across}", *(shown(column) for column in columns))
    return _table("val MAE in years", header, rows)


def _mae(trials: Sequence[Trial], values: dict[str, object]) -> str:
    found = next((trial for trial in trials if trial.values == values), None)
    return "-" if found is None or found.mae == float("inf") else f"{found.mae:.2f}"


def _table(title: str, header: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    table = Table(title=title, title_justify="left", title_style="", box=SIMPLE_HEAD)
    for name in header:
        table.add_column(name, justify="left" if name == "status" else "right", overflow="fold")
    for cells in rows:
        table.add_row(*cells)
    stream = StringIO()
    Console(file=stream, width=_WIDTH, highlight=False, markup=False, emoji=False).print(table)
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"
