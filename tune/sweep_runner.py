"""Runs all stages of a sweep: every trial is a Ray Train run, chosen and stopped by Ray Tune.

Trials are compared by their lowest validation MAE in years: the scale of a loss changes with sigma.
"""

from dataclasses import dataclass
from typing import Any

from trainers.config import dump_yaml
from trainers.fit import TrainingResult, train, with_absolute_paths
from trainers.preflight import check_cluster, check_recipe
from trainers.progress import LogFn
from trainers.ray_session import ray_session
from trainers.recipe import Recipe, changed
from tune.report import render_report
from tune.results import TrialResult, best_trial, to_csv
from tune.space import Space
from tune.stage_runner import run_stage
from tune.sweep_folder import BEST, REPORT, RESULTS, SweepFolder
from tune.tables import stage_tables


@dataclass(frozen=True)
class SweepResult:
    """The result of `run_sweep`.

    Attributes:
        trials: of all stages.
        best: the best trial of the last stage.
        recipe: the best configuration, with the number of epochs of the base recipe.
        retrained: the training of `recipe`; None if it was not requested.
    """

    trials: list[TrialResult]
    best: TrialResult
    recipe: Recipe
    retrained: TrainingResult | None


def run_sweep(
    space: Space,
    recipe: Recipe,
    out: str,
    *,
    address: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    retrain: bool = False,
    log: LogFn = print,
) -> SweepResult:
    """Run the stages of a space, one after the other.

    Args:
        space: the search space.
        recipe: the base recipe.
        out: folder of the sweep: a path or a URI that all workers can reach.
        address: of a Ray cluster; None uses this machine.
        resume: continue the sweep in the folder.
        overwrite: replace the sweep in the folder.
        retrain: train the best configuration for the number of epochs of the base recipe.
        log: called with each line of progress; it must be picklable.

    Raises:
        InvalidArgument: the space or the recipe is invalid, or needs resources that are missing.
        InvalidDataset, WeightsUnavailable, WeightsMismatch: of the recipe.
        TrainingFailed: all trials of a stage failed; the message has the first cause.
    """
    recipe = with_absolute_paths(recipe)
    space.check(recipe)
    check_recipe(recipe, log, local=address is None)
    folder = SweepFolder.prepare(out, space, recipe, resume=resume, overwrite=overwrite)
    trials: list[TrialResult] = []
    best_values: dict[str, Any] = {}
    with ray_session(address, dashboard=True):
        check_cluster(recipe)
        for number, stage in enumerate(space.stages, start=1):
            stage_trials = run_stage(stage, number, space.seed, recipe, best_values, folder, log)
            trials += stage_trials
            folder.folder.write(RESULTS, to_csv(trials).encode())
            log(stage_tables(stage, number, stage_trials, stage.epochs or recipe.epochs))
            best = best_trial(stage_trials)
            best_values |= best.values
        best_recipe = changed(recipe, best_values)
        folder.folder.write(BEST, _best_yaml(best_recipe, space, best).encode())
        folder.folder.write(REPORT, render_report(space, recipe, trials).encode())
        retrained = None
        if retrain:
            retrained = train(
                best_recipe,
                f"{out.rstrip('/')}/retrained",
                address=address,
                resume=folder.folder.exists("retrained/recipe.yaml"),
                log=log,
            )
    return SweepResult(trials, best, best_recipe, retrained)


def _best_yaml(recipe: Recipe, space: Space, best: TrialResult) -> str:
    return (
        f"# The best configuration of the sweep {space.name}: trial {best.id} of stage "
        f"{best.stage},\n# validation MAE {best.mae:.2f} years after {best.epochs} epochs.\n"
        f"{dump_yaml(recipe.model_dump(mode='json'))}"
    )
