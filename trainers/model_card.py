"""The card of a trained model: how to use it, and how it was trained."""

import math
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from pydantic import JsonValue

from faceage_core import __version__
from faceage_core.cards.age_spread import AgeSpread
from faceage_core.cards.input import InputSpec
from faceage_core.cards.model_card import AgeCard
from faceage_core.data.training.augmentation import PRESETS
from faceage_core.data.training.dataset import GENDERS
from faceage_core.models.age_network import age_bins
from trainers.data_sources import Source, common_crop
from trainers.pretrained import Origin
from trainers.recipe import Recipe

_LIBRARIES = ("torch", "torchvision", "facenet-pytorch", "ray", "numpy", "safetensors")


def input_spec(recipe: Recipe, sources: Sequence[Source]) -> InputSpec:
    """The preprocessing in training, validation and serving."""
    preset = PRESETS[recipe.input.augmentation]
    return InputSpec(
        crop=common_crop(sources, recipe.data, recipe.input.side_px).widened(preset.center),
        mean=preset.mean,
        scale=preset.scale,
        average_flip=recipe.input.average_flip,
    )


def model_card(
    recipe: Recipe,
    sources: Sequence[Source],
    origin: Origin,
    metrics: dict[str, Any],
    *,
    epoch: int,
    race_words: tuple[str, ...],
    spread: AgeSpread | None,
) -> AgeCard:
    """The card of one checkpoint.

    Args:
        recipe: resolved.
        sources: the training data.
        origin: of the initial weights.
        metrics: of the epoch, on the validation split.
        epoch: the number of completed epochs.
        race_words: the meaning of a race head's outputs.
        spread: calibration of the age distribution, fitted to the validation split.
    """
    network = recipe.network
    datasets = sorted({source.manifest.dataset for source in sources})
    terms = [f"{source.manifest.dataset}: {source.manifest.license}" for source in sources]
    return AgeCard(
        name=recipe.name,
        version=f"epoch-{epoch}",
        summary=recipe.summary or f"{network.backbone} trained on {' and '.join(datasets)}",
        architecture=network.backbone,
        heads=network.heads,
        weights=(),
        origin=f"trained with faceage {__version__}, recipe {recipe.name}",
        license="; ".join(
            ["weights: under the terms of the training data", *terms]
            + ([f"initial weights: {origin.license}"] if network.weights != "none" else [])
        ),
        training_data=", ".join(datasets),
        input=input_spec(recipe, sources),
        age_bins_years=age_bins(network.heads),
        age_spread=spread,
        gender_bins=GENDERS if network.has("gender") else None,  # type: ignore[arg-type]
        race_words=race_words if network.has("race") else (),
        training=_record(recipe, sources, origin, metrics, epoch),
        limits=(
            "Estimates the apparent age of a face, not the age of the person",
            "Measured on its validation split, whose images resemble the training images",
        ),
    )


def _record(
    recipe: Recipe, sources: Sequence[Source], origin: Origin, metrics: dict[str, Any], epoch: int
) -> dict[str, JsonValue]:
    """Everything needed to repeat the training."""
    crop = common_crop(sources, recipe.data, recipe.input.side_px)
    libraries = {name: version(name) for name in _LIBRARIES}
    document: dict[str, Any] = {
        "recipe": recipe.model_dump(mode="json"),
        "data": [
            {
                "dataset": source.manifest.dataset,
                "splits": source.manifest.splits,
                "split_hash": source.manifest.split_hash,
                "crop": crop.model_dump(mode="json"),
                "manifest_sha256": source.manifest_sha256,
                "license": source.manifest.license,
            }
            for source in sources
        ],
        "initial_weights": asdict(origin),
        "epochs": epoch,
        "validation": _finite(metrics),
        "libraries": libraries | {"python": platform.python_version()},
    }
    return document


def _finite(value: Any) -> Any:
    """The value with null in place of NaN and infinity, which JSON cannot represent."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
