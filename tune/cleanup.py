"""What a sweep keeps of its trials: their journal, and the run of the best one alone."""

from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial as TuneTrial

from faceage_core.data.storage import Folder
from tune.journal import Journal

_ENDED = (TuneTrial.TERMINATED, TuneTrial.ERROR)


class Keeper(Callback):
    """Notes in the journal which trials ended, and drops the runs of all those but the best."""

    def __init__(self, journal: Journal, trials: Folder) -> None:
        self._journal, self._trials = journal, trials

    def on_trial_complete(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **_: Any
    ) -> None:
        """It ran to its end, or was stopped."""
        self._journal.end(trial.trial_id)
        self._tidy(trials)

    def on_trial_error(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **_: Any
    ) -> None:
        """It failed."""
        self._tidy(trials)

    def on_experiment_end(self, trials: list[TuneTrial], **_: Any) -> None:
        """What a stopped trial wrote in its last moment goes as well."""
        self._tidy(trials)

    def _tidy(self, trials: list[TuneTrial]) -> None:
        ended = [trial for trial in trials if trial.status in _ENDED]
        best = min(ended, key=self._mae, default=None)
        for trial in ended:
            if trial is not best and self._trials.exists(trial.trial_id):
                self._trials.child(trial.trial_id).delete()

    def _mae(self, trial: TuneTrial) -> float:
        epochs = self._journal.epochs(trial.trial_id) if trial.status != TuneTrial.ERROR else []
        return min((float(metrics["val_mae"]) for metrics in epochs), default=float("inf"))
