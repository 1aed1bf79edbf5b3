"""A card's weights files on this machine, each verified against the card's sha256."""

from pathlib import Path

from faceage_core.cards.model_card import BaseCard
from faceage_core.cards.weights import CheckpointFile, DownloadFile, PackageFile, WeightsFile
from faceage_core.errors import (
    InvalidArgument,
    InvalidCheckpoint,
    WeightsMismatch,
    WeightsUnavailable,
)
from faceage_core.models.download import Progress, cache_dir, fetch, locate, verify


def resolve_weights(
    card: BaseCard,
    *,
    directory: Path | None = None,
    given: Path | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Every weights file of a model, on this machine and verified.

    Args:
        card: the model's card.
        directory: where the card's checkpoint files are.
        given: a file to use in place of the card's only one; its sha256 must be the card's.
        cache: for downloads; None: the user's cache directory.
        progress: called during a download.

    Returns:
        The files in the card's order.

    Raises:
        InvalidArgument: a file is given for a card with several.
        WeightsUnavailable: a file is missing and could not be downloaded.
        WeightsMismatch: a file's sha256 is not the card's.
        InvalidCheckpoint: a file beside the card is missing or its sha256 is not the card's.
    """
    if given is not None:
        if len(card.weights) != 1:
            raise InvalidArgument(
                f"{card.name} has {len(card.weights)} weights files; only a model with one "
                "accepts a given file",
                field="identity_weights",
            )
        verify(given, card.weights[0].sha256)
        return [given]
    return [_resolve(file, directory, cache or cache_dir(), progress) for file in card.weights]


def _resolve(
    file: WeightsFile, directory: Path | None, cache: Path, progress: Progress | None
) -> Path:
    match file:
        case PackageFile():
            path = locate(file)
            verify(path, file.sha256)
            return path
        case DownloadFile():
            return fetch(file, cache, progress=progress)
        case CheckpointFile():
            path = (directory or Path()) / file.path
            try:
                verify(path, file.sha256)
            except (WeightsMismatch, WeightsUnavailable) as error:
                raise InvalidCheckpoint(
                    f"the weights are damaged or belong to another card: {error}"
                ) from error
            return path
