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


def run_trial(
    values: Mapping[str, Any], *, recipe: dict[str, Any], trials: Folder, journal: Journal
) -> None:
    """Train and report every epoch; an interrupted trial is resumed from its last epoch.

    Args:
        values: of the varied keys.
        recipe: the base recipe, as a dict.
        trials: the folder that contains the run folder of each trial.
        journal: of the sweep.

    Raises:
        TrainingFailed: the training diverged; Ray Tune marks the trial and continues the sweep.
    """
    trial_id = str(ray.tune.get_context().get_trial_id())
    if journal.is_ended(trial_id):  # the crash came before Ray Tune had recorded it
        ray.tune.report(journal.epochs(trial_id)[-1])
        return
    trial_recipe = changed(Recipe.model_validate(recipe), values)
    folder = RunFolder(trials.child(trial_id))
    report_to_tune = TuneReportCallback()  # type: ignore[no-untyped-call]
    try:
        result = fit(trial_recipe, folder, _JournalCallback(journal, trial_id), report_to_tune)
    except FaceageError as error:
        journal.mark_failed(trial_id, error.message)
        raise
    publish_checkpoints(result, folder)


class _JournalCallback(UserCallback):
    """Writes each epoch to the journal, before it is reported to Ray Tune."""

    def __init__(self, journal: Journal, trial_id: str) -> None:
        self._journal, self._trial_id = journal, trial_id

    def after_report(
        self, run_context: Any, metrics: list[dict[str, Any]], checkpoint: Checkpoint | None
    ) -> None:
        self._journal.add_epoch(self._trial_id, metrics[0])
