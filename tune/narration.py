"""What happens in a sweep, as lines for a person; and a disk that does not fill up."""

from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial as TuneTrial

from faceage_core.data.storage import Folder
from trainers.progress import Say, epoch_line
from tune.journal import Journal

_ENDED = (TuneTrial.TERMINATED, TuneTrial.ERROR)


class Narrator(Callback):
    """Says what trials report, and drops the runs of all ended trials but the best."""

    def __init__(self, journal: Journal, trials: Folder, say: Say) -> None:
        self._journal, self._trials, self._say = journal, trials, say

    def on_trial_start(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **_: Any
    ) -> None:
        """It starts, or goes on."""
        values = ", ".join(f"{key}={shown(value)}" for key, value in trial.config.items())
        self._say(f"trial {trial.trial_id}: {values}")

    def on_trial_result(
        self,
        iteration: int,
        trials: list[TuneTrial],
        trial: TuneTrial,
        result: dict[str, Any],
        **_: Any,
    ) -> None:
        """An epoch; one that a resume only repeats is not told again."""
        if not self._journal.ended(trial.trial_id):
            self._say(f"trial {trial.trial_id}: {epoch_line(result)}")

    def on_trial_complete(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **_: Any
    ) -> None:
        """It ran to its end, or was stopped."""
        self._journal.end(trial.trial_id)
        self._say(f"trial {trial.trial_id}: ended")
        self.tidy(trials)

    def on_trial_error(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **_: Any
    ) -> None:
        """It failed."""
        cause = self._journal.cause(trial.trial_id)
        self._say(f"trial {trial.trial_id}: failed{': ' * bool(cause)}{cause}")
        self.tidy(trials)

    def on_experiment_end(self, trials: list[TuneTrial], **_: Any) -> None:
        """What a stopped trial wrote in its last moment goes as well."""
        self.tidy(trials)

    def tidy(self, trials: list[TuneTrial]) -> None:
        """Delete the runs of ended trials; the best one's is kept."""
        ended = [trial for trial in trials if trial.status in _ENDED]
        best = min(ended, key=self._mae, default=None)
        for trial in ended:
            if trial is not best and self._trials.exists(trial.trial_id):
                self._trials.child(trial.trial_id).delete()

    def _mae(self, trial: TuneTrial) -> float:
        epochs = self._journal.epochs(trial.trial_id) if trial.status != TuneTrial.ERROR else []
        return min((float(metrics["val_mae"]) for metrics in epochs), default=float("inf"))


def shown(value: Any) -> str:
    """A value for a person: numbers to three digits."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
