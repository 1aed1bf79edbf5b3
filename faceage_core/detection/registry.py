"""The registry of detectors: how a detector's card becomes a `Detector`.

A detector is one module and one line of `DETECTORS`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from faceage_core.cards.model_card import DetectorCard
from faceage_core.detection.detector import Detector
from faceage_core.detection.mtcnn import load_mtcnn
from faceage_core.detection.yunet import load_yunet
from faceage_core.errors import InvalidCheckpoint
from faceage_core.inference.runtime import Runtime
from faceage_core.models.download import Progress
from faceage_core.models.weights import resolve_weights

# (card, verified weights files, engine and its options) -> detector
DetectorLoader = Callable[[DetectorCard, Sequence[Path], Runtime], Detector]

DETECTORS: dict[str, DetectorLoader] = {
    "mtcnn": load_mtcnn,
    "yunet": load_yunet,
}


def load_detector(
    card: DetectorCard,
    *,
    directory: Path | None = None,
    runtime: Runtime = Runtime(),
    progress: Progress | None = None,
) -> Detector:
    """Load a detector.

    Args:
        card: the detector's card.
        directory: where the card's checkpoint files are.
        runtime: the engine and its options; the card may require fp32.
        progress: called during a download.

    Raises:
        InvalidArgument: the device, the precision or the engine is unavailable.
        InvalidCheckpoint: unknown architecture, or invalid settings or weights beside the card.
        WeightsUnavailable: a weights file is missing and could not be downloaded.
        WeightsMismatch: a weights file is not the one that the card names.
    """
    if card.architecture not in DETECTORS:
        raise InvalidCheckpoint(
            f"{card.name}: architecture {card.architecture!r} is not one of {', '.join(DETECTORS)}"
        )
    files = resolve_weights(card, directory=directory, progress=progress)
    return DETECTORS[card.architecture](card, files, runtime.for_card(card))
