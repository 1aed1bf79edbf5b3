"""Plots of the age report, which show no faces. Equal input gives equal bytes."""

import numpy as np
from matplotlib.colors import LogNorm

from faceage_core.evaluation.age.metrics import DECADE_YEARS, by_decade
from faceage_core.evaluation.age.predictions import AgePredictions
from faceage_core.evaluation.age.report import AgeReport
from faceage_core.reporting.figures import INK, MAIN, OTHER, QUIET, new_figure, png

SCATTER = "predicted-against-true.png"
DECADES = "error-by-age.png"
CONFUSION = "confusion-by-decade.png"
HISTOGRAM = "errors.png"


def plots(predictions: AgePredictions, report: AgeReport) -> dict[str, bytes]:
    """All plots as PNG, by file name."""
    return {
        SCATTER: _predicted_against_true(predictions),
        DECADES: _error_by_age(report),
        CONFUSION: _confusion(predictions),
        HISTOGRAM: _errors(predictions),
    }


def confusion_by_decade(predictions: AgePredictions) -> np.ndarray:
    """[D, D] int64: faces by decade of true age (row) and decade of estimate (column)."""
    ages = np.stack([predictions.true_years, np.maximum(predictions.estimated_years, 0)])
    decade = (ages // DECADE_YEARS).astype(np.int64)
    size = int(decade.max()) + 1
    return np.bincount(decade[0] * size + decade[1], minlength=size * size).reshape(size, size)


def _predicted_against_true(predictions: AgePredictions) -> bytes:
    figure, axes = new_figure(5.6, 4.8)
    true, estimated = predictions.true_years, predictions.estimated_years
    reach = max(float(true.max()), float(estimated.max())) + 1
    edges = np.arange(0, reach + 2, 2)
    counts, _, _ = np.histogram2d(true, estimated, bins=(edges, edges))
    image = axes.pcolormesh(
        edges,
        edges,
        np.ma.masked_equal(counts.T, 0),
        cmap="viridis_r",
        norm=LogNorm(vmin=1, vmax=max(2.0, float(counts.max()))),
    )
    axes.plot((0, edges[-1]), (0, edges[-1]), color=INK, linewidth=0.8, linestyle="--")
    axes.set(xlabel="true age in years", ylabel="estimated age in years", aspect="equal")
    bar = figure.colorbar(image, ax=axes, format="{x:,.0f}")
    bar.set_label("faces")
    bar.outline.set_visible(False)
    return png(figure)


def _error_by_age(report: AgeReport) -> bytes:
    figure, axes = new_figure(8.0, 3.6)
    groups = report.by_decade.groups
    places = np.arange(len(groups))
    maes = [errors.mae for errors in groups.values()]
    for place, mae in enumerate(maes):
        if mae.low is not None and mae.high is not None:
            axes.vlines(place, mae.low, mae.high, color=MAIN, linewidth=2)
    axes.plot(
        places, [mae.value for mae in maes], "o", color=MAIN, label="MAE, with its 95 % interval"
    )
    biases = [errors.bias for errors in groups.values()]
    axes.plot(places, biases, "D--", color=OTHER, linewidth=1, label="bias")
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_xticks(
        places, [f"{name}\n{errors.n:,}" for name, errors in groups.items()], fontsize=8
    )
    axes.grid(axis="y", color=QUIET, linewidth=0.6)
    axes.set(xlabel="decade of true age, and its faces", ylabel="years")
    axes.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    return png(figure)


def _confusion(predictions: AgePredictions) -> bytes:
    counts = confusion_by_decade(predictions)
    sums = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(sums, 1)
    size = len(counts)
    figure, axes = new_figure(1.8 + 0.55 * size, 1.4 + 0.45 * size)
    axes.imshow(np.ma.masked_equal(shares, 0), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.argwhere(counts):
        part = shares[row, column]
        color = "white" if part > 0.7 else INK
        axes.text(column, row, f"{part:.0%}", ha="center", va="center", fontsize=8, color=color)
    labels = by_decade(DECADE_YEARS * np.arange(size))
    axes.set_xticks(np.arange(size), labels, rotation=45)
    axes.set_yticks(np.arange(size), labels)
    axes.set(xlabel="decade of the estimate", ylabel="decade of the true age")
    return png(figure)


def _errors(predictions: AgePredictions) -> bytes:
    figure, axes = new_figure(8.0, 3.2)
    error = predictions.estimated_years - predictions.true_years
    edges = np.arange(np.floor(error.min()), np.floor(error.max()) + 2)
    counts, _ = np.histogram(error, bins=edges)
    axes.bar(edges[:-1], counts, width=0.92, align="edge", color=MAIN)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set(xlabel="estimated minus true age in years", ylabel="faces")
    return png(figure)
