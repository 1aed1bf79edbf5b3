"""What the trials of a sweep came to: one line each, for tables, files and plots."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from faceage_core.errors import TrainingFailed

Status = Literal["finished", "stopped early", "failed"]
FIGURES = ("val_mae", "val_cs5", "val_kl", "val_nll", "val_coverage_80")


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        id: Tune's.
        stage: from 1.
        values: of the keys that were varied.
        status: whether it ran to its end.
        history: what each of its epochs reported.
        cause: of a failure.
    """

    id: str
    stage: int
    values: dict[str, Any]
    status: Status
    history: tuple[dict[str, Any], ...]
    cause: str = ""

    @property
    def epochs(self) -> int:
        """Those that it trained."""
        return len(self.history)

    @property
    def best(self) -> dict[str, Any]:
        """What its epoch with the lowest validation MAE reported; {} if none did."""
        return min(self.history, key=lambda entry: float(entry["val_mae"]), default={})

    @property
    def mae(self) -> float:
        """Its lowest validation MAE in years; infinite if it reported none, or failed."""
        if self.status == "failed":
            return float("inf")
        return float(self.best.get("val_mae", float("inf")))

    @property
    def seconds(self) -> float:
        """Spent in its epochs."""
        return sum(float(entry["seconds"]) for entry in self.history)


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """The best first."""
    return sorted(trials, key=lambda trial: (trial.mae, trial.id))


def best_of(trials: Sequence[Trial]) -> Trial:
    """The best of a stage.

    Raises:
        TrainingFailed: every trial failed; the message has the first cause.
    """
    first = ranked(trials)[0]
    if first.mae == float("inf"):
        causes = [trial.cause for trial in trials if trial.cause]
        cause = causes[0] if causes else "it ended before its first epoch"
        raise TrainingFailed(f"all {len(trials)} trials failed; the first: {cause}")
    return first


def epochs_spent(trials: Sequence[Trial], full_epochs: int) -> tuple[int, int]:
    """The epochs that were trained, and those of as many trials that all run to their end."""
    return sum(trial.epochs for trial in trials), full_epochs * len(trials)


def epochs_by_rung(trials: Sequence[Trial], rungs: Sequence[int]) -> list[int]:
    """The epochs that were trained up to each rung, from the one before it.

    Args:
        trials: of one stage.
        rungs: the epochs at which trials were compared, ascending; the last is the full budget.
    """
    floors = (0, *rungs)
    return [
        sum(max(0, min(trial.epochs, rung) - floor) for trial in trials)
        for floor, rung in zip(floors, rungs, strict=False)
    ]


def varied_keys(trials: Sequence[Trial]) -> list[str]:
    """The keys that any trial varied, in the order of the space."""
    return list(dict.fromkeys(key for trial in trials for key in trial.values))


def as_csv(trials: Sequence[Trial]) -> str:
    """A line a trial, by stage and then the best first."""
    keys = varied_keys(trials)
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["stage", "trial", *keys, "status", "epochs", *FIGURES, "seconds", "cause"])
    for trial in sorted(ranked(trials), key=lambda trial: trial.stage):
        values = [trial.values.get(key, "") for key in keys]
        figures = [trial.best.get(figure, "") for figure in FIGURES]
        row = [trial.stage, trial.id, *values, trial.status, trial.epochs, *figures]
        writer.writerow([*row, round(trial.seconds, 1), trial.cause])
    return stream.getvalue()
