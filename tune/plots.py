"""The plots of a sweep, as PNG. Equal input gives equal bytes."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from faceage_core.reporting.figures import INK, MAIN, OTHER, QUIET, new_figure, png
from tune.formatting import format_value
from tune.results import TrialResult, epochs_by_rung, rank_trials

_COLORMAP = "viridis_r"


def parallel_coordinates(trials: Sequence[TrialResult], keys: Sequence[str]) -> bytes:
    """Plot each trial as a line through its values and its MAE; the best one is thick."""
    figure, axes = new_figure(8.0, 3.8)
    colours = _mae_colours(trials)
    scales = [_Scale([trial.values[key] for trial in trials]) for key in keys]
    scales.append(_Scale([trial.mae for trial in trials]))
    names = [*keys, "val MAE"]
    for trial in reversed(rank_trials(trials)):
        values = [*(trial.values[key] for key in keys), trial.mae]
        heights = [scale(value) for scale, value in zip(scales, values, strict=True)]
        style = _line_style(trial, trials, colours)
        axes.plot(range(len(names)), heights, **style)
    for x, scale in enumerate(scales):
        axes.axvline(x, color=QUIET, linewidth=0.8, zorder=0)
        for value in scale.ticks:
            axes.annotate(
                format_value(value), (x, scale(value)), (3, 0), textcoords="offset points",
                fontsize=7, color=INK, va="center",
            )  # fmt: skip
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    bar = figure.colorbar(colours, ax=axes)
    bar.set_label("val MAE in years")
    return png(figure)


def mae_against(trials: Sequence[TrialResult], key: str) -> bytes:
    """Plot the MAE of each trial against one parameter."""
    figure, axes = new_figure(5.2, 3.2)
    scale = _Scale([trial.values[key] for trial in trials])
    _scatter(axes, scale, trials, key, [trial.mae for trial in trials])
    axes.set(ylabel="val MAE in years")
    return png(figure)


def calibration_against_sigma(trials: Sequence[TrialResult], key: str) -> bytes:
    """Plot NLL and interval coverage of each trial against sigma."""
    figure, axes = new_figure(5.2, 3.2)
    reported = [trial for trial in trials if "val_nll" in trial.best]
    scale = _Scale([trial.values[key] for trial in reported])
    _scatter(axes, scale, reported, key, [float(trial.best["val_nll"]) for trial in reported])
    axes.set(ylabel="negative log-likelihood in nats")
    right_axes = axes.twinx()
    coverage = [float(trial.best["val_coverage_80"]) for trial in reported]
    values = [trial.values[key] for trial in reported]
    right_axes.plot(values, coverage, linestyle="", marker="x", color=OTHER)
    right_axes.axhline(0.8, color=OTHER, linewidth=0.8, linestyle="--")
    right_axes.set(ylabel="share inside the 80 % interval (x)")
    return png(figure)


def learning_curves(trials: Sequence[TrialResult]) -> bytes:
    """Plot the MAE of each trial by epoch; the best one is thick."""
    figure, axes = new_figure(8.0, 3.6)
    colours = _mae_colours(trials)
    for trial in reversed(rank_trials(trials)):
        style = _line_style(trial, trials, colours)
        epochs = [entry["epoch"] for entry in trial.history]
        axes.plot(epochs, [entry["val_mae"] for entry in trial.history], marker=".", **style)
    axes.set(xlabel="epoch", ylabel="val MAE in years")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return png(figure)


def budget_by_rung(trials: Sequence[TrialResult], rungs: Sequence[int]) -> bytes:
    """Plot the epochs trained up to each rung, with and without early stopping."""
    figure, axes = new_figure(5.2, 3.2)
    positions = np.arange(len(rungs))
    full = np.diff((0, *rungs)) * len(trials)
    axes.bar(positions, full, color=QUIET, label="without early stopping")
    axes.bar(positions, epochs_by_rung(trials, rungs), width=0.5, color=MAIN, label="trained")
    axes.set_xticks(positions, [f"to epoch {rung}" for rung in rungs])
    axes.set(ylabel="epochs")
    axes.legend(frameon=False, fontsize=8)
    return png(figure)


class _Scale:
    """Maps values to heights from 0 to 1.

    Numbers that span a decade or more are mapped by their logarithms; values that are not numbers
    are equally spaced, in the order in which they occur.
    """

    def __init__(self, values: Sequence[Any]) -> None:
        self._categorical = not all(isinstance(value, int | float) for value in values)
        self._values = list(dict.fromkeys(values)) if self._categorical else sorted(set(values))
        low, high = self._values[0], self._values[-1]
        self.log = not self._categorical and low > 0 and high / low >= 10

    @property
    def ticks(self) -> list[Any]:
        """At most five of the values, including the first and the last."""
        count = min(5, len(self._values))
        indices = np.linspace(0, len(self._values) - 1, count).round().astype(int)
        return [self._values[index] for index in indices]

    def __call__(self, value: Any) -> float:
        if self._categorical:
            return self._values.index(value) / max(1, len(self._values) - 1)
        low, high = (self._transform(end) for end in (self._values[0], self._values[-1]))
        return 0.5 if high == low else (self._transform(value) - low) / (high - low)

    def _transform(self, value: float) -> float:
        return math.log(value) if self.log else float(value)


def _scatter(
    axes: Axes, scale: _Scale, trials: Sequence[TrialResult], key: str, heights: Sequence[float]
) -> None:
    axes.plot([trial.values[key] for trial in trials], heights, linestyle="", marker="o",
              color=MAIN, alpha=0.8)  # fmt: skip
    if scale.log:
        axes.set_xscale("log")
    axes.set(xlabel=key)


def _line_style(
    trial: TrialResult, trials: Sequence[TrialResult], colours: ScalarMappable
) -> dict[str, Any]:
    if trial is rank_trials(trials)[0]:
        return {"color": OTHER, "linewidth": 2.2, "zorder": 3}
    return {"color": colours.to_rgba(np.array([trial.mae]))[0]}


def _mae_colours(trials: Sequence[TrialResult]) -> ScalarMappable:
    maes = [trial.mae for trial in trials]
    return ScalarMappable(Normalize(min(maes), max(maes)), _COLORMAP)
