"""Runs one stage of a sweep with Ray Tune."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import ray
import ray.tune
from ray.tune import ResultGrid, RunConfig, TuneConfig, Tuner

from trainers.environment_variables import environment_variables
from trainers.progress import LogFn
from trainers.recipe import Recipe, changed
from tune.callbacks import ProgressCallback, TrialCleanupCallback
from tune.journal import Journal
from tune.results import Status, TrialResult
from tune.search import METRIC, MODE, param_space, scheduler, search_algorithm
from tune.space import Stage
from tune.sweep_folder import SweepFolder
from tune.trial import run_trial

_RAY_VARIABLES = {
    "TUNE_GLOBAL_CHECKPOINT_S": "1",  # the state for a resume is at most a second old
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C ends the sweep, not just one stage
    "RAY_AIR_NEW_OUTPUT": "0",  # the new output prints stack traces of failed trials
}
# The process of a trial only waits for its workers, which reserve their own cores: if it reserved
# one, two workers would not fit on two cores. Ray Tune requires some resource: a byte of memory.
_TRIAL_RESOURCES = {"CPU": 0.0, "memory": 1.0}


def run_stage(
    stage: Stage,
    number: int,
    seed: int,
    recipe: Recipe,
    best: Mapping[str, Any],
    folder: SweepFolder,
    log: LogFn,
) -> list[TrialResult]:
    """Run all trials of a stage; with a resumed sweep only those that had not ended.

    Args:
        stage: what to vary.
        number: of the stage, from 1.
        seed: of the search.
        recipe: the base recipe, with absolute paths.
        best: the best values of the stages before, by key.
        folder: of the sweep.
        log: called with each line of progress.

    Raises:
        InvalidArgument: the search is optuna, and Optuna is not installed.
    """
    fixed = {key: value for key, value in best.items() if key not in stage.parameters}
    base = changed(recipe, fixed | stage.fixed_values())
    trainable = ray.tune.with_resources(
        partial(
            run_trial,
            recipe=base.model_dump(mode="json"),
            trials=folder.trials,
            journal=folder.journal,
        ),
        _TRIAL_RESOURCES,
    )
    state = folder.stage(number)
    with environment_variables(_RAY_VARIABLES), _silenced_logger("ray.tune"):
        if Tuner.can_restore(state.path, storage_filesystem=state.filesystem):
            tuner = Tuner.restore(
                state.path, trainable=trainable, storage_filesystem=state.filesystem
            )
        else:
            tuner = Tuner(
                trainable,
                param_space=param_space(stage, best),
                tune_config=TuneConfig(
                    metric=METRIC,
                    mode=MODE,
                    num_samples=stage.trials or 1,
                    search_alg=search_algorithm(stage, seed, max_concurrent_trials(recipe)),
                    scheduler=scheduler(stage, base.epochs, folder.journal),
                    trial_dirname_creator=_trial_id,
                ),
                run_config=RunConfig(
                    name=state.name,
                    storage_path=folder.folder.path,
                    storage_filesystem=state.filesystem,
                    callbacks=[  # in this order: a trial is logged as ended once that is recorded
                        TrialCleanupCallback(folder.journal, folder.trials),
                        ProgressCallback(folder.journal, log),
                    ],
                    verbose=0,
                ),
            )
        results = tuner.fit()
    return _trial_results(results, stage, number, base, folder.journal)


def max_concurrent_trials(recipe: Recipe) -> int:
    """Return for how many trials the cluster has room for all workers; at least 1."""
    available = ray.cluster_resources()  # type: ignore[no-untyped-call]
    limits = [
        available.get(resource, 0) // (recipe.workers.least * amount)
        for resource, amount in recipe.workers.resources.items()
    ]
    return max(1, int(min(limits)))


def _trial_results(
    results: ResultGrid, stage: Stage, number: int, recipe: Recipe, journal: Journal
) -> list[TrialResult]:
    trials = []
    for index in range(len(results)):
        result = results[index]
        trial_id = str(result.path).rstrip("/").rpartition("/")[2]
        history = tuple(journal.epochs(trial_id))
        status: Status = "finished"
        if result.error is not None:
            status = "failed"
        elif len(history) < recipe.epochs and not _patience_exhausted(history, recipe):
            status = "stopped early"
        cause = journal.failure_cause(trial_id) or _last_line(result.error)
        config = cast(dict[str, Any], result.config)
        values = {key: config[key] for key in stage.parameters}
        trials.append(TrialResult(trial_id, number, values, status, history, cause))
    return sorted(trials, key=lambda trial: trial.id)  # a resume returns them in another order


def _patience_exhausted(history: tuple[dict[str, Any], ...], recipe: Recipe) -> bool:
    if recipe.patience is None or not history:
        return False
    return bool(history[-1]["epoch"] - history[-1]["best_epoch"] >= recipe.patience)


def _last_line(error: BaseException | None) -> str:
    """Return the message of an error of Ray's; the lines before it are a stack trace."""
    lines = [line for line in str(error or "").splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def _trial_id(trial: Any) -> str:
    return str(trial.trial_id)


@contextmanager
def _silenced_logger(name: str) -> Iterator[None]:
    """Silence a logger while the block runs."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
