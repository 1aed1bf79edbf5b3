"""The results of a sweep's trials: ranking, counts and CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from faceage_core.errors import TrainingFailed

Status = Literal["finished", "stopped early", "failed"]
METRICS = ("val_mae", "val_cs5", "val_kl", "val_nll", "val_coverage_80")


@dataclass(frozen=True)
class TrialResult:
    """The result of one trial.

    Attributes:
        id: Ray Tune's identifier.
        stage: number of the stage, from 1.
        values: of the varied keys.
        status: how the trial ended.
        history: the metrics of each epoch.
        cause: of a failure; "" if there was none, or its cause is unknown.
    """

    id: str
    stage: int
    values: dict[str, Any]
    status: Status
    history: tuple[dict[str, Any], ...]
    cause: str = ""

    @property
    def epochs(self) -> int:
        """Number of epochs trained."""
        return len(self.history)

    @property
    def best(self) -> dict[str, Any]:
        """Metrics of the epoch with the lowest validation MAE; {} if no epoch was reported."""
        return min(self.history, key=lambda entry: float(entry["val_mae"]), default={})

    @property
    def mae(self) -> float:
        """Lowest validation MAE in years; infinite if the trial failed or reported no epoch."""
        if self.status == "failed":
            return float("inf")
        return float(self.best.get("val_mae", float("inf")))

    @property
    def seconds(self) -> float:
        """Duration of all epochs."""
        return sum(float(entry["seconds"]) for entry in self.history)


def rank_trials(trials: Sequence[TrialResult]) -> list[TrialResult]:
    """Return the trials sorted by MAE, the best first."""
    return sorted(trials, key=lambda trial: (trial.mae, trial.id))


def best_trial(trials: Sequence[TrialResult]) -> TrialResult:
    """Return the best trial of a stage.

    Raises:
        TrainingFailed: all trials failed; the message has the first cause.
    """
    best = rank_trials(trials)[0]
    if best.mae == float("inf"):
        causes = [trial.cause for trial in trials if trial.cause]
        cause = causes[0] if causes else "it ended before its first epoch"
        raise TrainingFailed(f"all {len(trials)} trials failed; the first: {cause}")
    return best


def count_epochs(trials: Sequence[TrialResult], full_epochs: int) -> tuple[int, int]:
    """Return the number of epochs trained, and the number without early stopping."""
    return sum(trial.epochs for trial in trials), full_epochs * len(trials)


def epochs_by_rung(trials: Sequence[TrialResult], rungs: Sequence[int]) -> list[int]:
    """Return how many epochs were trained up to each rung, from the rung before it.

    Args:
        trials: of one stage.
        rungs: epochs at which ASHA compares trials, ascending; the last is the full budget.
    """
    starts = (0, *rungs)
    return [
        sum(max(0, min(trial.epochs, rung) - start) for trial in trials)
        for start, rung in zip(starts, rungs, strict=False)
    ]


def varied_keys(trials: Sequence[TrialResult]) -> list[str]:
    """Return the keys that any of the trials varied, in the order of the space."""
    return list(dict.fromkeys(key for trial in trials for key in trial.values))


def to_csv(trials: Sequence[TrialResult]) -> str:
    """Return the trials as CSV, one per line, by stage and then the best first."""
    keys = varied_keys(trials)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["stage", "trial", *keys, "status", "epochs", *METRICS, "seconds", "cause"])
    for trial in sorted(rank_trials(trials), key=lambda trial: trial.stage):
        values = [trial.values.get(key, "") for key in keys]
        metrics = [trial.best.get(metric, "") for metric in METRICS]
        row = [trial.stage, trial.id, *values, trial.status, trial.epochs, *metrics]
        writer.writerow([*row, round(trial.seconds, 1), trial.cause])
    return stream.getvalue()
