"""One stage of a sweep, run by Ray Tune."""

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
from tune import trial
from tune.cleanup import Keeper
from tune.folder import SweepFolder
from tune.journal import Journal
from tune.progress import Narrator
from tune.results import Status, Trial
from tune.search import METRIC, MODE, param_space, scheduler, search_algorithm
from tune.space import Stage

_SETTINGS = {
    "TUNE_GLOBAL_CHECKPOINT_S": "1",  # what a sweep is resumed from is at most a second behind
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C ends a sweep, not just one stage
    "RAY_AIR_NEW_OUTPUT": "0",  # which shows a failed trial's stack trace whatever is asked for
}
# A trial itself only waits for its workers, which have cores of their own: if it took a part of
# one, two workers would not fit on two cores. Tune wants it to take something: a byte of memory.
_WAITING = {"CPU": 0.0, "memory": 1.0}


def run_stage(
    stage: Stage,
    number: int,
    seed: int,
    recipe: Recipe,
    best: Mapping[str, Any],
    folder: SweepFolder,
    log: LogFn,
) -> list[Trial]:
    """Run its trials; those that have ended before a resume are not run again.

    Args:
        stage: what to vary.
        number: of the stage, from 1.
        seed: of the search.
        recipe: with absolute paths.
        best: the values that the stages before found.
        folder: of the sweep.
        log: gets a line for each thing worth telling.

    Raises:
        InvalidArgument: Optuna is asked for and not installed.
    """
    fixed = {key: value for key, value in best.items() if key not in stage.parameters}
    base = changed(recipe, fixed | stage.fixed())
    trainable = ray.tune.with_resources(
        partial(
            trial.run,
            recipe=base.model_dump(mode="json"),
            trials=folder.trials,
            journal=folder.journal,
        ),
        _WAITING,
    )
    place = folder.stage(number)
    with environment_variables(_SETTINGS), _silent("ray.tune"):
        if Tuner.can_restore(place.path, storage_filesystem=place.filesystem):
            tuner = Tuner.restore(
                place.path, trainable=trainable, storage_filesystem=place.filesystem
            )
        else:
            tuner = Tuner(
                trainable,
                param_space=param_space(stage, best),
                tune_config=TuneConfig(
                    metric=METRIC,
                    mode=MODE,
                    num_samples=stage.trials or 1,
                    search_alg=search_algorithm(stage, seed, at_once(recipe)),
                    scheduler=scheduler(stage, base.epochs, folder.journal),
                    trial_dirname_creator=_directory,
                ),
                run_config=RunConfig(
                    name=place.name,
                    storage_path=folder.folder.path,
                    storage_filesystem=place.filesystem,
                    callbacks=[  # what is said to have ended has been noted
                        Keeper(folder.journal, folder.trials),
                        Narrator(folder.journal, log),
                    ],
                    verbose=0,
                ),
            )
        results = tuner.fit()
    return _trials(results, stage, number, base, folder.journal)


def at_once(recipe: Recipe) -> int:
    """How many trials have room for all of their workers, at least one."""
    there = ray.cluster_resources()  # type: ignore[no-untyped-call]
    least = recipe.workers.least
    rooms = [
        there.get(resource, 0) // (least * each)
        for resource, each in recipe.workers.resources.items()
    ]
    return max(1, int(min(rooms)))


def _trials(
    results: ResultGrid, stage: Stage, number: int, recipe: Recipe, journal: Journal
) -> list[Trial]:
    made = []
    for place in range(len(results)):
        result = results[place]
        trial_id = str(result.path).rstrip("/").rpartition("/")[2]
        history = tuple(journal.epochs(trial_id))
        status: Status = "finished"
        if result.error is not None:
            status = "failed"
        elif len(history) < recipe.epochs and not _patience_ended(history, recipe):
            status = "stopped early"
        cause = journal.cause(trial_id) or _last_line(result.error)
        config = cast(dict[str, Any], result.config)
        values = {key: config[key] for key in stage.parameters}
        made.append(Trial(trial_id, number, values, status, history, cause))
    return sorted(made, key=lambda made: made.id)  # a resume brings them in another order


def _patience_ended(history: tuple[dict[str, Any], ...], recipe: Recipe) -> bool:
    if recipe.patience is None or not history:
        return False
    return bool(history[-1]["epoch"] - history[-1]["best_epoch"] >= recipe.patience)


def _last_line(error: BaseException | None) -> str:
    """Of an error that is none of ours, what it says; the lines before are a stack trace."""
    lines = [line for line in str(error or "").splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def _directory(trial: Any) -> str:
    return str(trial.trial_id)


@contextmanager
def _silent(name: str) -> Iterator[None]:
    """A logger says nothing for as long as the block lasts."""
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
