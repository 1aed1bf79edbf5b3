"""A sweep as one HTML page that needs nothing but itself."""

from collections.abc import Sequence

from faceage_core.reporting.html import page, paragraph, plot, section, table
from trainers.recipe import Recipe
from tune import plots
from tune.results import Trial, epochs_spent, ranked, varied_keys
from tune.space import Space, Stage
from tune.tables import HEADER, row
from tune.values import shown

_SIGMA = "loss.sigma_years"


def html(space: Space, recipe: Recipe, trials: Sequence[Trial]) -> str:
    """The whole page.

    Args:
        space: that was searched.
        recipe: the rest.
        trials: of all stages.
    """
    best = ranked([trial for trial in trials if trial.stage == len(space.stages)])[0]
    values = ", ".join(f"{key} {shown(value)}" for key, value in best.values.items())
    head = paragraph(
        f"{space.summary or space.name}. Recipe {recipe.name}: {recipe.network.backbone} at "
        f"{recipe.input.side_px} px. Trials are compared by their lowest validation MAE, in years.",
        "quiet",
    )
    found = paragraph(f"Best: {values}; MAE {best.mae:.2f} after {best.epochs} epochs.", "note")
    parts = [
        _stage(stage, number, [trial for trial in trials if trial.stage == number], recipe)
        for number, stage in enumerate(space.stages, start=1)
    ]
    title = f"Sweep {space.name}"
    return page(title, [f"<h1>{title}</h1>", head, found, *parts])


def _stage(stage: Stage, number: int, trials: Sequence[Trial], recipe: Recipe) -> str:
    keys, epochs = varied_keys(trials), stage.epochs or recipe.epochs
    spent, full = epochs_spent(trials, epochs)
    pieces = [
        paragraph(
            f"{len(trials)} trials by {stage.search} search"
            + (", the worse ones stopped early by ASHA" if stage.asha else "")
            + f"; {spent} epochs trained, {full} if all had run to their end ({spent / full:.0%})."
        ),
        table(
            "All trials, the best first",
            ("trial", *keys, *HEADER),
            [[trial.id, *row(trial, keys)] for trial in ranked(trials)],
        ),
    ]
    whole = [trial for trial in trials if trial.status != "failed" and trial.history]
    if whole:
        pieces.append(
            plot(plots.parallel_coordinates(whole, keys), "each trial's values and MAE, as a line")
        )
        pieces += [plot(plots.mae_against(whole, key), f"MAE against {key}") for key in keys]
        pieces.append(plot(plots.learning_curves(whole), "the MAE of each trial by epoch"))
    if whole and _SIGMA in keys and any("val_nll" in trial.best for trial in whole):
        pieces.append(
            paragraph(
                "Sigma moves the loss but not what years mean, so it is judged by the MAE and by "
                "how honest the distribution is before it is calibrated: its negative "
                "log-likelihood, and how many ages its 80 % interval holds."
            )
        )
        alt = "negative log-likelihood and interval coverage against sigma"
        pieces.append(plot(plots.calibration_against_sigma(whole, _SIGMA), alt))
    if stage.asha:
        alt = "epochs trained between rungs, against all trials to their end"
        pieces.append(plot(plots.budget_by_rung(trials, stage.rungs(epochs)), alt))
    return section(f"Stage {number}: {stage.search}", *pieces)
