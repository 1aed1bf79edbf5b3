"""The prepared data sets that a recipe names, each opened once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from faceage_core.cards.crops import LandmarkCrop
from faceage_core.data.layout import Layout, find_layout
from faceage_core.data.manifest import MANIFEST, Manifest
from faceage_core.data.training.dataset import race_words
from faceage_core.data.training_crop import training_crop
from faceage_core.errors import InvalidArgument
from trainers.recipe import DataRecipe


@dataclass(frozen=True)
class Source:
    """One prepared data set.

    Attributes:
        location: its directory or URI, as the recipe names it.
        layout: its manifest and files.
        manifest_sha256: the digest of the manifest's file.
    """

    location: str
    layout: Layout
    manifest_sha256: str

    @property
    def manifest(self) -> Manifest:
        """The data set's manifest."""
        return self.layout.manifest


def find_sources(recipe: DataRecipe) -> list[Source]:
    """Find every data set and read its manifest.

    Raises:
        InvalidDataset: a data set is missing, unfinished or incomplete.
        InvalidArgument: a data set lacks one of the recipe's splits.
    """
    sources = []
    for location in recipe.sources:
        layout = find_layout(location)
        splits = layout.manifest.splits
        for split in (*recipe.train, *recipe.val):
            if split not in splits:
                raise InvalidArgument(
                    f"{layout.name} has no split {split!r}, only {', '.join(splits)}",
                    field="data.train" if split in recipe.train else "data.val",
                )
        digest = hashlib.sha256(layout.folder.read(MANIFEST)).hexdigest()
        sources.append(Source(location, layout, digest))
    return sources


def common_crop(sources: Sequence[Source], recipe: DataRecipe, size_px: int) -> LandmarkCrop:
    """The crop in which the faces of all data sets were cut.

    Raises:
        InvalidArgument: the data sets have different crops, or the crop of one is unknown.
    """
    crops = {}
    for source in sources:
        crop = source.manifest.crop
        if crop is None and recipe.margin is None:
            raise InvalidArgument(
                f"{source.location} was prepared without detection (crop none), so the crop in "
                "which a model trained on it must be served is unknown: prepare it with crop "
                "detect, or give the margin of its images as data.margin",
                field="data.margin",
            )
        template = (crop or training_crop(size_px, recipe.margin or 0.0)).template
        crops[template] = source.location
    if len(crops) > 1:
        raise InvalidArgument(
            f"{' and '.join(crops.values())} have different crops: prepare them with the same "
            "margin",
            field="data.sources",
        )
    (template,) = crops
    return LandmarkCrop(size_px=size_px, template=template)


def all_race_words(sources: Sequence[Source]) -> tuple[str, ...]:
    """The race labels in all data sets, in alphabetical order."""
    found = (race_words(source.layout) for source in sources)
    return tuple(sorted(set().union(*found)))
