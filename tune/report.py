"""The report of a sweep: one self-contained HTML page."""

from collections.abc import Sequence

from faceage_core.reporting.html import page, paragraph, plot, section, table
from trainers.recipe import Recipe
from tune import plots
from tune.formatting import METRICS_HEADER, format_value, trial_cells
from tune.results import TrialResult, count_epochs, rank_trials, varied_keys
from tune.space import Space, Stage

_SIGMA = "loss.sigma_years"


def render_report(space: Space, recipe: Recipe, trials: Sequence[TrialResult]) -> str:
    """Return the HTML page.

    Args:
        space: the search space.
        recipe: the base recipe.
        trials: of all stages.
    """
    best = rank_trials([trial for trial in trials if trial.stage == len(space.stages)])[0]
    values = ", ".join(f"{key} {format_value(value)}" for key, value in best.values.items())
    head = paragraph(
        f"{space.summary or space.name}. Recipe {recipe.name}: {recipe.network.backbone} at "
        f"{recipe.input.side_px} px. Trials are compared by their lowest validation MAE, in years.",
        "quiet",
    )
    summary = paragraph(f"Best: {values}; MAE {best.mae:.2f} after {best.epochs} epochs.", "note")
    stages = [
        _stage_section(stage, number, [trial for trial in trials if trial.stage == number], recipe)
        for number, stage in enumerate(space.stages, start=1)
    ]
    title = f"Sweep {space.name}"
    return page(title, [f"<h1>{title}</h1>", head, summary, *stages])


def _stage_section(stage: Stage, number: int, trials: Sequence[TrialResult], recipe: Recipe) -> str:
    keys, epochs = varied_keys(trials), stage.epochs or recipe.epochs
    trained, full = count_epochs(trials, epochs)
    pieces = [
        paragraph(
            f"{len(trials)} trials by {stage.search} search"
            + (", the worse ones stopped early by ASHA" if stage.asha else "")
            + f"; {trained} epochs trained, {full} without early stopping ({trained / full:.0%})."
        ),
        table(
            "All trials, the best first",
            ("trial", *keys, *METRICS_HEADER),
            [[trial.id, *trial_cells(trial, keys)] for trial in rank_trials(trials)],
        ),
    ]
    plotted = [trial for trial in trials if trial.status != "failed" and trial.history]
    if plotted:
        pieces.append(
            plot(
                plots.parallel_coordinates(plotted, keys), "values and MAE of each trial, as lines"
            )
        )
        pieces += [plot(plots.mae_against(plotted, key), f"MAE against {key}") for key in keys]
        pieces.append(plot(plots.learning_curves(plotted), "MAE of each trial by epoch"))
    if plotted and _SIGMA in keys and any("val_nll" in trial.best for trial in plotted):
        pieces.append(
            paragraph(
                "Sigma changes the scale of the loss, but not that of the MAE. It is judged by the "
                "MAE and by the predicted distribution before calibration: its negative "
                "log-likelihood, and the share of ages inside its 80 % interval."
            )
        )
        alt = "negative log-likelihood and interval coverage against sigma"
        pieces.append(plot(plots.calibration_against_sigma(plotted, _SIGMA), alt))
    if stage.asha:
        alt = "epochs trained between rungs, with and without early stopping"
        pieces.append(plot(plots.budget_by_rung(trials, stage.rungs(epochs)), alt))
    return section(f"Stage {number}: {stage.search}", *pieces)
