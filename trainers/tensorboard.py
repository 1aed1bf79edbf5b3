"""TensorBoard files: the curves of the metrics, and sample faces with their predictions."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tensorboardX import SummaryWriter
from torch import Tensor

from faceage_core.data.storage import Folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 4


class TensorBoardWriter:
    """Writes event files into a folder.

    For an object store they are written to a temporary directory and copied after each epoch. The
    directory shows faces, so it is removed with this object.
    """

    def __init__(self, target: Folder) -> None:
        self._target = target
        self._temporary = None if target.is_local else TemporaryDirectory()
        self._writer = SummaryWriter(self._temporary.name if self._temporary else target.path)

    def add_epoch(
        self, metrics: dict[str, Any], samples: Sequence[tuple[Tensor, float, Tensor]]
    ) -> None:
        """Add an epoch.

        Args:
            metrics: as reported: each number, also of a nested dict, becomes a curve.
            samples: faces [3, S, S] uint8 RGB, their true ages, [K] age probabilities.
        """
        epoch = metrics["epoch"]
        for name, value in metrics.items():
            values = value if isinstance(value, dict) else {"": value}
            for part, number in values.items():
                if not isinstance(number, str):
                    self._writer.add_scalar(f"{name}/{part}".rstrip("/"), number, epoch)
        if samples:
            self._writer.add_figure("faces", _plot(samples), epoch)
        self._writer.flush()
        if self._temporary is not None:
            for path in Path(self._temporary.name).iterdir():
                self._target.write(path.name, path.read_bytes())


def _plot(samples: Sequence[tuple[Tensor, float, Tensor]]) -> "Figure":
    """Each face above its age distribution; a dashed line marks the true age."""
    from matplotlib.figure import Figure

    rows = -(-len(samples) // _COLUMNS)
    figure = Figure(figsize=(2.4 * _COLUMNS, 3.6 * rows), layout="constrained")
    axes = figure.subplots(2 * rows, _COLUMNS, squeeze=False, height_ratios=[2, 1] * rows)
    for axis in axes.flat:
        axis.axis("off")
    for number, (image, age, probabilities) in enumerate(samples):
        row, column = divmod(number, _COLUMNS)
        face, chart = axes[2 * row][column], axes[2 * row + 1][column]
        ages = range(len(probabilities))
        mean = sum(a * p for a, p in zip(ages, probabilities.tolist(), strict=True))
        face.imshow(image.permute(1, 2, 0).numpy())
        face.set_title(f"predicted {mean:.1f}, true {age:.0f}", fontsize=9)
        chart.axis("on")
        chart.fill_between(ages, probabilities.numpy(), step="mid", alpha=0.6)
        chart.axvline(age, color="black", linestyle="--", linewidth=1)
        chart.set_yticks([])
        chart.tick_params(labelsize=7)
    return figure
