"""Ray Tune callbacks of a sweep: one deletes run folders, one logs progress."""

from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial

from faceage_core.data.storage import Folder
from trainers.progress import LogFn, format_epoch
from tune.formatting import format_value
from tune.journal import Journal

_ENDED = (Trial.TERMINATED, Trial.ERROR)


class TrialCleanupCallback(Callback):
    """Marks ended trials in the journal and deletes the run folders of all but the best one."""

    def __init__(self, journal: Journal, trials: Folder) -> None:
        self._journal, self._trials = journal, trials

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **_: Any
    ) -> None:
        """Handle a trial that finished or was stopped early."""
        self._journal.mark_ended(trial.trial_id)
        self._delete_worse(trials)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:
        """Handle a trial that failed."""
        self._delete_worse(trials)

    def on_experiment_end(self, trials: list[Trial], **_: Any) -> None:
        """Delete again: a stopped trial may have written a checkpoint while it was stopping."""
        self._delete_worse(trials)

    def _delete_worse(self, trials: list[Trial]) -> None:
        ended = [trial for trial in trials if trial.status in _ENDED]
        best = min(ended, key=self._lowest_mae, default=None)
        for trial in ended:
            if trial is not best and self._trials.exists(trial.trial_id):
                self._trials.child(trial.trial_id).delete()

    def _lowest_mae(self, trial: Trial) -> float:
        epochs = self._journal.epochs(trial.trial_id) if trial.status != Trial.ERROR else []
        return min((float(metrics["val_mae"]) for metrics in epochs), default=float("inf"))


class ProgressCallback(Callback):
    """Logs a line when a trial starts, reports an epoch, ends or fails."""

    def __init__(self, journal: Journal, log: LogFn) -> None:
        self._journal, self._log = journal, log

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:
        """Log the values of a trial that starts or is resumed."""
        values = ", ".join(f"{key}={format_value(value)}" for key, value in trial.config.items())
        self._log(f"trial {trial.trial_id}: {values}")

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, Any],
        **_: Any,
    ) -> None:
        """Log an epoch, unless the trial ended before a resume and only repeats its last report."""
        if not self._journal.is_ended(trial.trial_id):
            self._log(f"trial {trial.trial_id}: {format_epoch(result)}")

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **_: Any
    ) -> None:
        """Log the end of a trial that finished or was stopped early."""
        self._log(f"trial {trial.trial_id}: ended")

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **_: Any) -> None:
        """Log a failure and its cause."""
        cause = self._journal.failure_cause(trial.trial_id)
        self._log(f"trial {trial.trial_id}: failed{': ' * bool(cause)}{cause}")
