"""Sweep the keys of a recipe: every trial a Ray Train run, chosen and stopped by Ray Tune.

    python -m tune.sweep --config tune/spaces/asha_lr_wd_sigma.yaml \
        --recipe trainers/recipes/utkface_cpu.yaml data.sources=prepared/utkface

The same as `faceage tune --config asha_lr_wd_sigma --recipe utkface_cpu ...`. Trials are compared
by their lowest validation MAE: a loss moves with sigma, years do not.
"""

from dataclasses import dataclass
from typing import Any

import yaml

from trainers.fit import TrainingResult, train, with_absolute_paths
from trainers.preflight import check_cluster, check_recipe
from trainers.progress import LogFn
from trainers.ray_session import ray_session
from trainers.recipe import Recipe, changed
from tune.folder import BEST, REPORT, RESULTS, SweepFolder
from tune.report import html
from tune.results import Trial, as_csv, best_of
from tune.space import Space
from tune.stages import run_stage
from tune.tables import stage_tables


@dataclass(frozen=True)
class Swept:
    """The outcome of `sweep`.

    Attributes:
        trials: of all stages.
        best: of the last stage.
        recipe: the best configuration, with the recipe's own number of epochs.
        retrained: the training of it, if that was asked for.
    """

    trials: list[Trial]
    best: Trial
    recipe: Recipe
    retrained: TrainingResult | None


def sweep(
    space: Space,
    recipe: Recipe,
    out: str,
    *,
    address: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    retrain: bool = False,
    log: LogFn = print,
) -> Swept:
    """Run a space's stages, one after the other.

    Args:
        space: what is varied, and how.
        recipe: the rest.
        out: the sweep's folder: a path or a URI that all workers reach.
        address: of a Ray cluster; None uses this machine.
        resume: go on with the sweep that is there.
        overwrite: replace the sweep that is there.
        retrain: train the best configuration for the recipe's own number of epochs.
        log: gets a line for each thing worth telling; it must be picklable.

    Raises:
        InvalidArgument: the space or the recipe asks for what there is not.
        InvalidDataset, WeightsUnavailable, WeightsMismatch: of the recipe.
        TrainingFailed: every trial of a stage failed; the message has the first cause.
    """
    recipe = with_absolute_paths(recipe)
    space.check(recipe)
    check_recipe(recipe, log, local=address is None)
    folder = SweepFolder.prepare(out, space, recipe, resume=resume, overwrite=overwrite)
    trials: list[Trial] = []
    values: dict[str, Any] = {}
    with ray_session(address, dashboard=True):
        check_cluster(recipe)
        for number, stage in enumerate(space.stages, start=1):
            made = run_stage(stage, number, space.seed, recipe, values, folder, log)
            trials += made
            folder.folder.write(RESULTS, as_csv(trials).encode())
            log(stage_tables(stage, number, made, _epochs(stage.epochs, recipe)))
            best = best_of(made)
            values |= best.values
        chosen = changed(recipe, values)
        folder.folder.write(BEST, _as_yaml(chosen, space, best).encode())
        folder.folder.write(REPORT, html(space, recipe, trials).encode())
        retrained = None
        if retrain:
            retrained = train(
                chosen,
                f"{out.rstrip('/')}/retrained",
                address=address,
                resume=folder.folder.exists("retrained/recipe.yaml"),
                log=log,
            )
    return Swept(trials, best, chosen, retrained)


def _epochs(of_stage: int | None, recipe: Recipe) -> int:
    return of_stage or recipe.epochs


def _as_yaml(recipe: Recipe, space: Space, best: Trial) -> str:
    text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False)
    return (
        f"# The best of the sweep {space.name}: trial {best.id} of stage {best.stage}, "
        f"validation MAE {best.mae:.2f} years\n# after {best.epochs} epochs.\n{text}"
    )
