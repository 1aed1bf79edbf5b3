"""One trial: a whole training of the recipe with the trial's values, as `faceage train` runs it."""

from collections.abc import Mapping
from typing import Any

import ray.tune
from ray.train import Checkpoint, UserCallback
from ray.tune.integration.ray_train import TuneReportCallback

from faceage_core.data.storage import Folder
from faceage_core.errors import FaceageError
from trainers.fit import fit, publish_checkpoints
from trainers.recipe import Recipe, changed
from trainers.run_folder import RunFolder
from tune.journal import Journal


def run(
    values: Mapping[str, Any], *, recipe: dict[str, Any], trials: Folder, journal: Journal
) -> None:
    """Train; every epoch is reported, and a trial that was interrupted goes on where it was.

    Args:
        values: of the keys that are varied.
        recipe: the rest, as a dict.
        trials: where each trial has a run's folder.
        journal: of all trials.

    Raises:
        TrainingFailed: it diverged; the sweep marks it and goes on.
    """
    trial_id = str(ray.tune.get_context().get_trial_id())
    if journal.ended(trial_id):  # and the crash came before Tune had noted it
        ray.tune.report(journal.epochs(trial_id)[-1])
        return
    made = changed(Recipe.model_validate(recipe), values)
    folder = RunFolder(trials.child(trial_id))
    tell_tune = TuneReportCallback()  # type: ignore[no-untyped-call]
    try:
        result = fit(made, folder, _Record(journal, trial_id), tell_tune)
    except FaceageError as error:
        journal.fail(trial_id, error.message)
        raise
    publish_checkpoints(result, folder)


class _Record(UserCallback):
    """Puts each epoch into the journal, before Tune hears of it."""

    def __init__(self, journal: Journal, trial_id: str) -> None:
        self._journal, self._trial_id = journal, trial_id

    def after_report(
        self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Checkpoint | None
    ) -> None:
        self._journal.add(self._trial_id, metrics[0])
