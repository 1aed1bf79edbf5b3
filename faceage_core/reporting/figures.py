"""Matplotlib figures with one style; equal input gives equal bytes.

The figures do not use pyplot: no global state changes.
"""

from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# The palette of Okabe and Ito, which people with colour blindness can distinguish.
INK, QUIET, MAIN, OTHER = "#222222", "#d9d9d9", "#0072b2", "#d55e00"
SERIES = (MAIN, OTHER, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
DASHES = ("-", "--", "-.", ":")
_DPI = 150


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """Return an empty figure and its axes.

    Args:
        width: in inches.
        height: in inches.
    """
    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9)
    axes.set_axisbelow(True)
    return figure, axes


def png(figure: Figure) -> bytes:
    """Return the figure as PNG bytes."""
    stream = BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()
