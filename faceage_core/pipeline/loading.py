"""From cards to loaded models: each stage's model, warm and ready to answer."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from faceage_core.age.estimator import AgeEstimator
from faceage_core.cards.schema import CheckpointFile, ModelCard, PackageFile
from faceage_core.detection.detector import FaceDetector
from faceage_core.detection.mtcnn import Mtcnn
from faceage_core.errors import InvalidCheckpoint
from faceage_core.identity.embedder import Embedder
from faceage_core.inference.engine import Engine, engine_for_file, engine_for_module
from faceage_core.inference.model import Network
from faceage_core.models.age_network import AgeNetwork, Probabilities, build_network
from faceage_core.models.bundles import Bundle
from faceage_core.models.checkpoint import load_checkpoint, load_into, load_state_dict
from faceage_core.models.dlib_resnet import load_dlib_resnet
from faceage_core.models.download import (
    Progress,
    cache_dir,
    fetch,
    locate,
    verify,
)
from faceage_core.models.options import ModelOptions


def load_detector(bundle: Bundle, options: ModelOptions) -> FaceDetector:
    """The detector, with the crops that the bundle's other models want."""
    for file in bundle.detector.weights:
        assert isinstance(file, PackageFile)
        verify(locate(file), file.sha256)
    assert bundle.detector.detection is not None
    mtcnn = Mtcnn(bundle.detector.detection, device=options.device, threads=options.threads)
    mtcnn.detect([np.zeros((64, 64, 3), dtype=np.uint8)])
    return FaceDetector(mtcnn, bundle.crops)


def load_age(bundle: Bundle, options: ModelOptions) -> AgeEstimator:
    """The age estimator, with a gender network where the age network does not tell gender."""
    age = load_age_network(bundle, options)
    if bundle.gender is None or bundle.gender is bundle.age:
        return AgeEstimator(age, None)
    return AgeEstimator(age, _network(bundle.gender, options))


def load_age_network(bundle: Bundle, options: ModelOptions) -> Network:
    """The age network by itself: crops in, probabilities of its bins, age then gender, out."""
    return _network(bundle.age, options, checkpoint=options.age_checkpoint)


def load_embedder(
    bundle: Bundle, options: ModelOptions, *, progress: Progress | None = None
) -> Embedder:
    """The identity network, fetched first if its weights have to be.

    Raises:
        WeightsUnavailable: the weights are not here and could not be fetched.
        WeightsMismatch: they are not the ones that the card names.
    """
    return Embedder(
        _network(
            bundle.identity,
            options,
            checkpoint=options.identity_checkpoint,
            weights=options.identity_weights,
            progress=progress,
        )
    )


def obtain(
    card: ModelCard, *, cache: Path | None = None, progress: Progress | None = None
) -> list[Path]:
    """Every weights file of a shipped model, on this machine and verified.

    Raises:
        WeightsUnavailable: a file is not here and could not be fetched.
        WeightsMismatch: a file is not the one that the card names.
    """
    paths = []
    for file in card.weights:
        assert not isinstance(file, CheckpointFile)
        if isinstance(file, PackageFile):
            path = locate(file)
            verify(path, file.sha256)
        else:
            path = fetch(file, cache or cache_dir(), progress=progress)
        paths.append(path)
    return paths


def _network(
    card: ModelCard,
    options: ModelOptions,
    *,
    checkpoint: Path | None = None,
    weights: Path | None = None,
    progress: Progress | None = None,
) -> Network:
    engine = _engine(card, options, checkpoint=checkpoint, weights=weights, progress=progress)
    network = Network(card, engine)
    size = network.input.crop.size_px
    # Run once, so that the first request need not pay for what a first run costs.
    output = network(np.zeros((1, size, size, 3), dtype=np.uint8))
    if not np.isfinite(output).all():
        raise InvalidCheckpoint(f"the weights of {card.name} give no numbers; they are damaged")
    bins = len(card.age_bins_years or ()) + len(card.gender_bins or ())
    if bins and output.shape[1] != bins:
        raise InvalidCheckpoint(
            f"the card of {card.name} states {bins} bins, but its network has "
            f"{output.shape[1]} outputs"
        )
    return network


def _engine(
    card: ModelCard,
    options: ModelOptions,
    *,
    checkpoint: Path | None,
    weights: Path | None,
    progress: Progress | None,
) -> Engine:
    if checkpoint is None and card.architecture == "onnx":
        return engine_for_file(obtain(card)[0], threads=options.threads)
    module = _module(card, checkpoint=checkpoint, weights=weights, progress=progress)
    if card.input is None:
        raise InvalidCheckpoint(f"the card of {card.name} states no input")
    size = card.input.crop.size_px
    return engine_for_module(
        module,
        torch.zeros(1, 3, size, size),
        device=options.device,
        threads=options.threads,
    )


def _module(
    card: ModelCard,
    *,
    checkpoint: Path | None,
    weights: Path | None,
    progress: Progress | None,
) -> nn.Module:
    if checkpoint is not None:
        _, state = load_checkpoint(checkpoint)
        module = build_network(card)
        load_into(module, state, source=checkpoint.name)
        return Probabilities(module) if isinstance(module, AgeNetwork) else module
    if weights is not None:
        _verify_given(weights, card)
        path = weights
    else:
        path = obtain(card, progress=progress)[0]
    if card.architecture == "dlib_resnet":
        return load_dlib_resnet(path.read_bytes())
    module = build_network(card)
    load_into(module, load_state_dict(path), source=path.name, ignore=("logits.",))
    return module


def _verify_given(path: Path, card: ModelCard) -> None:
    (file,) = card.weights
    verify(path, file.sha256)
