"""A sweep's plots, as PNG. Equal input gives equal bytes."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from faceage_core.reporting.figures import INK, MAIN, OTHER, QUIET, new_figure, png
from tune.results import Trial, epochs_by_rung, ranked
from tune.values import shown

_COLOURS = "viridis_r"


def parallel_coordinates(trials: Sequence[Trial], keys: Sequence[str]) -> bytes:
    """A line a trial through its values and its MAE; the best is thick."""
    figure, axes = new_figure(8.0, 3.8)
    shades = _shades(trials)
    columns = [_Scale([trial.values[key] for trial in trials]) for key in keys]
    columns.append(_Scale([trial.mae for trial in trials]))
    names = [*keys, "val MAE"]
    for trial in reversed(ranked(trials)):
        values = [*(trial.values[key] for key in keys), trial.mae]
        heights = [scale(value) for scale, value in zip(columns, values, strict=True)]
        style = _line_of(trial, trials, shades)
        axes.plot(range(len(names)), heights, **style)
    for place, scale in enumerate(columns):
        axes.axvline(place, color=QUIET, linewidth=0.8, zorder=0)
        for value in scale.ticks:
            axes.annotate(shown(value), (place, scale(value)), (3, 0), textcoords="offset points",
                          fontsize=7, color=INK, va="center")  # fmt: skip
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    bar = figure.colorbar(shades, ax=axes)
    bar.set_label("val MAE in years")
    return png(figure)


def mae_against(trials: Sequence[Trial], key: str) -> bytes:
    """A point a trial: one parameter, and the MAE."""
    figure, axes = new_figure(5.2, 3.2)
    scale = _Scale([trial.values[key] for trial in trials])
    _points(axes, scale, trials, key, [trial.mae for trial in trials])
    axes.set(ylabel="val MAE in years")
    return png(figure)


def calibration_against_sigma(trials: Sequence[Trial], key: str) -> bytes:
    """A point a trial: sigma, and how honest the distribution is."""
    figure, axes = new_figure(5.2, 3.2)
    some = [trial for trial in trials if "val_nll" in trial.best]
    scale = _Scale([trial.values[key] for trial in some])
    _points(axes, scale, some, key, [float(trial.best["val_nll"]) for trial in some])
    axes.set(ylabel="negative log-likelihood in nats")
    other = axes.twinx()
    held = [float(trial.best["val_coverage_80"]) for trial in some]
    places = [trial.values[key] for trial in some]
    other.plot(places, held, linestyle="", marker="x", color=OTHER)
    other.axhline(0.8, color=OTHER, linewidth=0.8, linestyle="--")
    other.set(ylabel="share inside the 80 % interval (x)")
    return png(figure)


def learning_curves(trials: Sequence[Trial]) -> bytes:
    """The MAE by epoch, a line a trial; the best is thick."""
    figure, axes = new_figure(8.0, 3.6)
    shades = _shades(trials)
    for trial in reversed(ranked(trials)):
        style = _line_of(trial, trials, shades)
        epochs = [entry["epoch"] for entry in trial.history]
        axes.plot(epochs, [entry["val_mae"] for entry in trial.history], marker=".", **style)
    axes.set(xlabel="epoch", ylabel="val MAE in years")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return png(figure)


def budget_by_rung(trials: Sequence[Trial], rungs: Sequence[int]) -> bytes:
    """The epochs trained up to each rung, beside those of trials that all run to their end."""
    figure, axes = new_figure(5.2, 3.2)
    places = np.arange(len(rungs))
    full = np.diff((0, *rungs)) * len(trials)
    axes.bar(places, full, color=QUIET, label="all trials to their end")
    axes.bar(places, epochs_by_rung(trials, rungs), width=0.5, color=MAIN, label="trained")
    axes.set_xticks(places, [f"to epoch {rung}" for rung in rungs])
    axes.set(ylabel="epochs")
    axes.legend(frameon=False, fontsize=8)
    return png(figure)


class _Scale:
    """Values to heights from 0 to 1: by their logarithms where they span decades, words in turn."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._words = not all(isinstance(value, int | float) for value in values)
        self._values = list(dict.fromkeys(values)) if self._words else sorted(set(values))
        low, high = self._values[0], self._values[-1]
        self.log = not self._words and low > 0 and high / low >= 10

    @property
    def ticks(self) -> list[Any]:
        """A few of the values, the ends among them."""
        count = min(5, len(self._values))
        places = np.linspace(0, len(self._values) - 1, count).round().astype(int)
        return [self._values[place] for place in places]

    def __call__(self, value: Any) -> float:
        if self._words:
            return self._values.index(value) / max(1, len(self._values) - 1)
        low, high = (self._moved(end) for end in (self._values[0], self._values[-1]))
        return 0.5 if high == low else (self._moved(value) - low) / (high - low)

    def _moved(self, value: float) -> float:
        return math.log(value) if self.log else float(value)


def _points(
    axes: Axes, scale: _Scale, trials: Sequence[Trial], key: str, heights: Sequence[float]
) -> None:
    axes.plot([trial.values[key] for trial in trials], heights, linestyle="", marker="o",
              color=MAIN, alpha=0.8)  # fmt: skip
    if scale.log:
        axes.set_xscale("log")
    axes.set(xlabel=key)


def _line_of(trial: Trial, trials: Sequence[Trial], shades: ScalarMappable) -> dict[str, Any]:
    if trial is ranked(trials)[0]:
        return {"color": OTHER, "linewidth": 2.2, "zorder": 3}
    return {"color": shades.to_rgba(np.array([trial.mae]))[0]}


def _shades(trials: Sequence[Trial]) -> ScalarMappable:
    maes = [trial.mae for trial in trials]
    return ScalarMappable(Normalize(min(maes), max(maes)), _COLOURS)
