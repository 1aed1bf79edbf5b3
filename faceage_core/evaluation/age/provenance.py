"""The facts about model and data in a report, and whether the crops of the two agree."""

from typing import Literal

from faceage_core.cards.crops import BoxCrop, LandmarkCrop
from faceage_core.cards.model_card import AgeCard
from faceage_core.data.manifest import Manifest
from faceage_core.errors import InvalidArgument
from faceage_core.evaluation.age.predictions import NOT_STATED, AgePredictions
from faceage_core.evaluation.age.report import DataFacts, ModelFacts


def center_fraction(card: AgeCard, manifest: Manifest, dataset: str) -> float:
    """The center part of a data set's images that the model takes, as a fraction of their side.

    The sizes may differ, since images are resized. The crops must otherwise agree.

    Args:
        card: of the age model.
        manifest: of the data set.
        dataset: the name of the data set, for messages.

    Returns:
        At most 1; 1 for the whole image.

    Raises:
        InvalidArgument: the crops differ, or the crop of the data set is unknown.
    """
    wanted, given = card.input.crop, manifest.crop or _training_crop(card, manifest)
    if given is None:
        raise InvalidArgument(
            f"{dataset} was prepared with crop none, so the crop of its images is unknown; "
            f"{card.name} needs the crop of its card: prepare the data set with crop detect"
        )
    if isinstance(wanted, BoxCrop):
        raise InvalidArgument(
            f"{card.name} needs crops by {wanted.kind}, but {dataset} has crops by {given.kind}"
        )
    fraction = wanted.share_of(given)
    if fraction is None:
        raise InvalidArgument(
            f"{card.name} needs the eyes at {_eyes(wanted.template)} of the crop, but {dataset} "
            f"has them at {_eyes(given.template)}: prepare it with the margin of the model's "
            "training data"
        )
    return fraction


def model_facts(card: AgeCard) -> ModelFacts:
    """The facts about the model."""
    return ModelFacts(
        name=card.name,
        version=card.version,
        license=card.license,
        architecture=card.architecture,
        weights_sha256=tuple(file.sha256 for file in card.weights),
        crop_px=card.input.crop.size_px,
    )


def data_facts(
    manifest: Manifest, dataset: str, split: str, predictions: AgePredictions
) -> DataFacts:
    """The facts about the data."""
    return DataFacts(
        name=dataset,
        source=manifest.dataset,
        license=manifest.license,
        split=split,
        split_hash=manifest.split_hash,
        identities=_identities(predictions),
        stored_px=manifest.crop.size_px if manifest.crop else manifest.options.size_px,
        read=manifest.read,
        set_aside=manifest.rejected,
    )


def _training_crop(card: AgeCard, manifest: Manifest) -> LandmarkCrop | None:
    """The crop that the card states for this data set, if the model was trained on it."""
    data = (card.training or {}).get("data")
    for entry in data if isinstance(data, list) else ():
        if not isinstance(entry, dict) or "crop" not in entry:
            continue
        if entry.get("split_hash") == manifest.split_hash:
            return LandmarkCrop.model_validate(entry["crop"])
    return None


def _identities(predictions: AgePredictions) -> Literal["all", "some", "none"]:
    if not predictions.has_identities:
        return "none"
    return "some" if (predictions.identity == NOT_STATED).any() else "all"


def _eyes(template: tuple[tuple[float, float], ...]) -> str:
    return " and ".join(f"({x:.3f}, {y:.3f})" for x, y in template[:2])
