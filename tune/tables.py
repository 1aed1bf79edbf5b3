"""The trials of a stage as text tables, for the log."""

from collections.abc import Sequence

from faceage_core.cli.tables import format_table
from tune.formatting import METRICS_HEADER, format_value, trial_cells
from tune.results import TrialResult, count_epochs, rank_trials, varied_keys
from tune.space import Stage


def stage_tables(stage: Stage, number: int, trials: Sequence[TrialResult], epochs: int) -> str:
    """Return a table of all trials, the best first; for a grid of two keys also a MAE matrix.

    Args:
        stage: of the trials.
        number: of the stage, from 1.
        trials: results of its trials.
        epochs: of a trial that is not stopped early.
    """
    keys = varied_keys(trials)
    header = ("trial", *keys, *METRICS_HEADER)
    text = format_table(
        header,
        [[trial.id, *trial_cells(trial, keys)] for trial in rank_trials(trials)],
        title=f"stage {number}: {stage.search}, {len(trials)} trials of up to {epochs} epochs",
        text_columns=(header.index("status"),),
    )
    if stage.search == "grid" and len(keys) == 2:
        text += _mae_matrix(trials, *keys)
    trained, full = count_epochs(trials, epochs)
    return text + f"{trained} epochs trained; without early stopping: {full} ({trained / full:.0%})"


def _mae_matrix(trials: Sequence[TrialResult], row_key: str, column_key: str) -> str:
    columns = list(dict.fromkeys(trial.values[column_key] for trial in trials))
    rows = [
        [
            format_value(value),
            *(_mae(trials, {row_key: value, column_key: column}) for column in columns),
        ]
        for value in dict.fromkeys(trial.values[row_key] for trial in trials)
    ]
    header = (f"{row_key} \\ {column_key}", *map(format_value, columns))
    return format_table(header, rows, title="val MAE in years", text_columns=())


def _mae(trials: Sequence[TrialResult], values: dict[str, object]) -> str:
    trial = next((trial for trial in trials if trial.values == values), None)
    return "-" if trial is None or trial.mae == float("inf") else f"{trial.mae:.2f}"
