"""Which model is measured on which data, and whether the two belong together."""

from typing import Literal

from faceage_core.cards.crops import BoxCrop, LandmarkCrop
from faceage_core.cards.model_card import AgeCard
from faceage_core.data.manifest import Manifest
from faceage_core.errors import InvalidArgument
from faceage_core.evaluation.age.predictions import NOT_STATED, AgePredictions
from faceage_core.evaluation.age.report import DataFacts, ModelFacts


def seen_share(card: AgeCard, manifest: Manifest, dataset: str) -> float:
    """How much of the side of a data set's pictures the model sees: all, or a middle part.

    Pictures that show faces in another frame are refused. The size may differ: pictures are
    resized then.

    Args:
        card: of the age model.
        manifest: of the data set.
        dataset: its name, for the message.

    Raises:
        InvalidArgument: the frames differ, or the data set's is not known.
    """
    wanted, given = card.input.crop, manifest.crop or _stated_crop(card, manifest)
    if given is None:
        raise InvalidArgument(
            f"{dataset} was prepared with --crop none, so nobody knows the frame of its pictures; "
            f"{card.name} wants faces cut as its card says: prepare the data set with detection"
        )
    if isinstance(wanted, BoxCrop):
        raise InvalidArgument(
            f"{card.name} wants crops by {wanted.kind}, but {dataset} holds crops by {given.kind}"
        )
    share = wanted.share_of(given)
    if share is None:
        raise InvalidArgument(
            f"{card.name} wants the eyes at {_eyes(wanted.template)} of the crop, but {dataset} "
            f"has them at {_eyes(given.template)}: prepare it with the --margin of the model's "
            "training data"
        )
    return share


def model_facts(card: AgeCard) -> ModelFacts:
    """What the report says of the model."""
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
    """What the report says of the data."""
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


def _stated_crop(card: AgeCard, manifest: Manifest) -> LandmarkCrop | None:
    """The frame that was stated of the data set when the model was trained on it, if it was."""
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
