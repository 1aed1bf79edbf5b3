"""Figures of one look: colours that everybody can tell apart, and equal bytes for equal input.

matplotlib's objects are used directly: nothing global is touched.
"""

from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito's colours, which people with any colour vision can tell apart.
INK, QUIET, MAIN, OTHER = "#222222", "#d9d9d9", "#0072b2", "#d55e00"
SERIES = (MAIN, OTHER, "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
DASHES = ("-", "--", "-.", ":")
_DPI = 150


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty figure, in inches, and its axes."""
    figure = Figure(figsize=(width, height), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9)
    axes.set_axisbelow(True)
    return figure, axes


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    stream = BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()
