"""Load the models of a bundle: each stage's model, warm and ready."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceage_core.age.estimator import AgeEstimator
from faceage_core.cards.model_card import AgeCard, GenderCard, NetworkCardT
from faceage_core.detection import registry as detectors
from faceage_core.detection.detector import FaceDetector
from faceage_core.errors import InvalidCheckpoint
from faceage_core.identity.embedder import Embedder
from faceage_core.inference.model import Network
from faceage_core.models.bundles import Bundle
from faceage_core.models.download import Progress
from faceage_core.models.options import ModelOptions
from faceage_core.models.registry import load_engine
from faceage_core.models.weights import resolve_weights


def load_detector(
    bundle: Bundle, options: ModelOptions, *, progress: Progress | None = None
) -> FaceDetector:
    """The detector, with the crops for the bundle's other models.

    Raises:
        FaceageError: as `load_embedder`.
    """
    detector = detectors.load_detector(
        bundle.detector,
        directory=bundle.directories.get("detector"),
        runtime=options.runtime,
        progress=progress,
    )
    detector.detect([np.zeros((64, 64, 3), dtype=np.uint8)])
    return FaceDetector(detector, bundle.crops)


def load_age(
    bundle: Bundle, options: ModelOptions, *, progress: Progress | None = None
) -> AgeEstimator:
    """The age estimator, with the bundle's gender network if it has one.

    Raises:
        FaceageError: as `load_embedder`.
    """
    age = load_age_network(bundle, options, progress=progress)
    if not isinstance(bundle.gender, GenderCard):
        return AgeEstimator(age, None)
    directory = bundle.directories.get("gender")
    return AgeEstimator(age, _load(bundle.gender, options, directory, progress=progress))


def load_age_network(
    bundle: Bundle, options: ModelOptions, *, progress: Progress | None = None
) -> Network[AgeCard]:
    """The age network alone: crops in, probabilities of its bins out, ages first, then genders.

    Raises:
        FaceageError: as `load_embedder`.
    """
    return _load(bundle.age, options, bundle.directories.get("age"), progress=progress)


def load_embedder(
    bundle: Bundle, options: ModelOptions, *, progress: Progress | None = None
) -> Embedder:
    """The identity network; its weights are downloaded if necessary.

    Args:
        bundle: the cards.
        options: how to run it, and a given weights file.
        progress: called during a download.

    Raises:
        InvalidArgument: the device, the precision or the engine is unavailable.
        WeightsUnavailable: weights are missing and could not be downloaded.
        WeightsMismatch: weights are not those that the card names.
        InvalidCheckpoint: the card contradicts its network, or its checkpoint is damaged.
    """
    directory = bundle.directories.get("identity")
    given = options.identity_weights
    return Embedder(_load(bundle.identity, options, directory, given=given, progress=progress))


def _load(
    card: NetworkCardT,
    options: ModelOptions,
    directory: Path | None,
    *,
    given: Path | None = None,
    progress: Progress | None = None,
) -> Network[NetworkCardT]:
    served = card if given else card.for_serving()
    files = resolve_weights(served, directory=directory, given=given, progress=progress)
    engine = load_engine(served, files, options.runtime)
    network = Network(card, engine)
    size = card.input.crop.size_px
    # The first run is slow; do it now and not in the first request.
    _check_output(card, network(np.zeros((1, size, size, 3), dtype=np.uint8)))
    return network


def _check_output(card: NetworkCardT, output: NDArray[np.float32]) -> None:
    if not np.isfinite(output).all():
        raise InvalidCheckpoint(
            f"the network of {card.name} returned NaN or infinity; its weights are damaged"
        )
    if output.ndim != 2:
        raise InvalidCheckpoint(
            f"{card.name}: the network's output must be [N, K], got {list(output.shape)}"
        )
    if card.output_columns is not None and output.shape[1] != card.output_columns:
        raise InvalidCheckpoint(
            f"the card of {card.name} states {card.output_columns} bins, but its network has "
            f"{output.shape[1]} outputs"
        )
