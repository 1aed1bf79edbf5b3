"""What happens in a sweep, as lines for a person."""

from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial as TuneTrial

from trainers.progress import LogFn, format_epoch
from tune.journal import Journal
from tune.values import shown


class Narrator(Callback):
    """Says what trials report."""

    def __init__(self, journal: Journal, log: LogFn) -> None:
        self._journal, self._log = journal, log

    def on_trial_start(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **_: Any
    ) -> None:
        """It starts, or goes on."""
        values = ", ".join(f"{key}={shown(value)}" for key, value in trial.config.items())
        self._log(f"trial {trial.trial_id}: {values}")

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
            self._log(f"trial {trial.trial_id}: {format_epoch(result)}")

    def on_trial_complete(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **_: Any
    ) -> None:
        """It ran to its end, or was stopped."""
        self._log(f"trial {trial.trial_id}: ended")

    def on_trial_error(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **_: Any
    ) -> None:
        """It failed."""
        cause = self._journal.cause(trial.trial_id)
        self._log(f"trial {trial.trial_id}: failed{': ' * bool(cause)}{cause}")
