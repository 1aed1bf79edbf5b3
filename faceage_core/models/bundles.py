"""From options to cards: which model is the detector, the age, the gender and the identity model.

Only cards are read here; each stage loads its own model with `faceage_core.pipeline.loading`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from faceage_core.cards.bundle import BundleSpec
from faceage_core.cards.catalog import (
    find_checkpoint,
    read_bundle,
    require_kind,
    shipped_bundle,
    shipped_bundle_names,
    shipped_card,
    shipped_card_names,
)
from faceage_core.cards.crops import CropSpec
from faceage_core.cards.model_card import AgeCard, CardT, DetectorCard, GenderCard, IdentityCard
from faceage_core.errors import InvalidArgument
from faceage_core.models.options import ModelOptions
from faceage_core.types import Role


@dataclass(frozen=True)
class Bundle:
    """The cards of the models that work together.

    Attributes:
        name: the bundle's name in answers.
        detector: finds the faces.
        age: estimates ages.
        gender: estimates genders; the age card itself if that model does both, None if none does.
        identity: embeds faces.
        age_is_stand_in: the age model belongs to another bundle and no checkpoint replaces it.
        directories: by the attribute's name ("age"), the directory of the weights files that are
            beside a card; shipped cards have no such files.
    """

    name: str
    detector: DetectorCard
    age: AgeCard
    gender: AgeCard | GenderCard | None
    identity: IdentityCard
    age_is_stand_in: bool
    directories: Mapping[str, Path] = field(default_factory=dict)

    @property
    def crops(self) -> dict[Role, CropSpec]:
        """The crop specification of each role's network."""
        crops: dict[Role, CropSpec] = {"age": self.age.input.crop}
        if self.gender is not None and self.gender is not self.age:
            crops["gender"] = self.gender.input.crop
        return crops | {"identity": self.identity.input.crop}


def resolve(options: ModelOptions) -> Bundle:
    """Read the cards that these options name.

    Raises:
        InvalidArgument: unknown bundle or model, or an invalid bundle file.
        InvalidCheckpoint: a card is unreadable or belongs to another task.
    """
    finder = _CardFinder.of(options.bundle)
    spec = finder.spec
    age = finder.find("age", spec.age, AgeCard, options.age_checkpoint)
    gender: AgeCard | GenderCard | None = age if age.gender_bins else None
    if spec.gender is not None and (gender is None or options.age_checkpoint is None):
        gender = finder.find("gender", spec.gender, GenderCard)
    return Bundle(
        name=spec.name,
        detector=finder.find("detector", spec.detector, DetectorCard),
        age=age,
        gender=gender,
        identity=finder.find("identity", spec.identity, IdentityCard, options.identity_checkpoint),
        age_is_stand_in=spec.age_is_stand_in and options.age_checkpoint is None,
        directories=finder.directories,
    )


@dataclass(frozen=True)
class _CardFinder:
    """Finds the cards of one bundle.

    Attributes:
        spec: of the bundle.
        base: the directory of the bundle file, None for a shipped bundle.
        directories: as in `Bundle`, of the cards found so far.
    """

    spec: BundleSpec
    base: Path | None
    directories: dict[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, bundle: str) -> "_CardFinder":
        if bundle in shipped_bundle_names():
            return cls(shipped_bundle(bundle), None)
        path = Path(bundle)
        known = ", ".join(shipped_bundle_names())
        if not path.is_file():
            raise InvalidArgument(
                f"bundle must be one of {known} or the path of a bundle file, got {bundle!r}",
                field="bundle",
            )
        spec = read_bundle(path)
        if spec.name in shipped_bundle_names():
            raise InvalidArgument(
                f"bundle: {path.name}: the names {known} are reserved for the shipped bundles",
                field="bundle",
            )
        return cls(spec, path.absolute().parent)

    def find(
        self, role: str, entry: str, kind: type[CardT], checkpoint: Path | None = None
    ) -> CardT:
        """The card of one role; a checkpoint replaces the bundle's entry."""
        if checkpoint is None and entry in shipped_card_names():
            return shipped_card(entry, kind)
        path = checkpoint or (self.base or Path()) / entry
        if checkpoint is None and not path.exists():
            raise InvalidArgument(
                f"bundle {self.spec.name}: {role} must be one of "
                f"{', '.join(shipped_card_names())} or a path relative to the bundle file, "
                f"got {entry!r}",
                field="bundle",
            )
        card, self.directories[role] = find_checkpoint(path)
        return require_kind(card, kind, path.name)
