"""Plots of the description, as PNG."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from faceage_core.data.describe.description import SplitSummary
from faceage_core.data.describe.statistics import Bands
from faceage_core.reporting.figures import DASHES, INK, MAIN, QUIET, SERIES, new_figure, png


def age_histogram(bands: Bands) -> bytes:
    """A histogram of ages, as PNG."""
    figure, axes = _new_figure(8.0, 3.2)
    width = bands.edges[1] - bands.edges[0]
    axes.bar(bands.edges[:-1], bands.counts, width=0.92 * width, align="edge", color=MAIN)
    axes.set(xlabel="age in years", ylabel="images", xlim=(bands.edges[0], bands.edges[-1]))
    return png(figure)


def value_bars(counts: Mapping[str, int]) -> bytes:
    """A horizontal bar for each value with its count, the most frequent on top, as PNG."""
    figure, axes = _new_figure(6.0, 0.7 + 0.38 * len(counts))
    total = sum(counts.values())
    places = np.arange(len(counts))
    axes.barh(places, list(counts.values()), height=0.7, color=MAIN)
    axes.set_yticks(places, [_shorten(value) for value in counts])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.22 * max(counts.values()))
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    for place, count in enumerate(counts.values()):
        axes.text(
            count, place, f"  {count:,} ({count / total:.1%})", va="center", fontsize=9, color=INK
        )
    return png(figure)


def heat_map(values: list[str], joint: Bands) -> bytes:
    """Images by value and age on a logarithmic scale, empty cells white, as PNG."""
    figure, axes = _new_figure(8.0, 1.3 + 0.4 * len(values))
    counts = np.ma.masked_equal(joint.counts, 0)
    image = axes.pcolormesh(
        joint.edges,
        np.arange(len(values) + 1),
        counts,
        cmap="viridis_r",
        norm=LogNorm(vmin=1, vmax=max(2, int(joint.counts.max()))),
        edgecolors=QUIET,
        linewidth=0.6,
    )
    axes.set_yticks(np.arange(len(values)) + 0.5, [_shorten(value) for value in values])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlabel("age in years")
    bar = figure.colorbar(image, ax=axes, pad=0.02, format="{x:,.0f}")
    bar.ax.tick_params(labelsize=9)
    bar.set_label("images")
    bar.outline.set_visible(False)
    return png(figure)


def split_curves(splits: tuple[SplitSummary, ...]) -> bytes:
    """The share of each age band in each split, one line for each split, as PNG."""
    figure, axes = _new_figure(8.0, 3.2)
    for number, split in enumerate(splits):
        shares = 100 * split.bands.counts / split.ages.count
        axes.stairs(
            shares,
            split.bands.edges,
            label=split.name,
            color=SERIES[number % len(SERIES)],
            linestyle=DASHES[number % len(DASHES)],
            linewidth=1.8,
        )
    axes.set(xlabel="age in years", ylabel="% of the split")
    axes.set_xlim(0, max(split.bands.edges[-1] for split in splits))
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False)
    return png(figure)


def size_scatter(sizes: Mapping[tuple[int, int], int]) -> bytes:
    """Widths and heights; the area of a dot shows the number of images, as PNG."""
    figure, axes = _new_figure(4.6, 4.0)
    places = np.array(list(sizes))
    counts = np.array(list(sizes.values()))
    areas = 12 + 300 * counts / counts.max()
    axes.scatter(places[:, 0], places[:, 1], s=areas, color=MAIN, alpha=0.5, linewidths=0)
    reach = 1.1 * places.max()
    axes.set(xlabel="width in pixels", ylabel="height in pixels", xlim=(0, reach), ylim=(0, reach))
    return png(figure)


def _new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure, axes = new_figure(width, height)
    axes.spines["left"].set_visible(False)
    return figure, axes


def _shorten(text: str, max_length: int = 24) -> str:
    return text if len(text) <= max_length else text[: max_length - 1] + "…"
