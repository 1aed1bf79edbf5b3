"""Which models answer: a bundle's name and options become one card a role.

Nothing is loaded here; whoever runs a stage loads that stage's model from its card.
"""

from dataclasses import dataclass
from pathlib import Path

from faceage_core.cards.schema import ModelCard, shipped_card
from faceage_core.detection.crops import CropSpec
from faceage_core.errors import InvalidCheckpoint
from faceage_core.models.options import BundleName, ModelOptions
from faceage_core.types import Role

_AGE = {"bundled": "dlib-age", "facenet": "dlib-age"}
_GENDER = {"bundled": "dlib-gender", "facenet": "dlib-gender"}
_IDENTITY = {"bundled": "dlib-resnet", "facenet": "facenet-vggface2"}


@dataclass(frozen=True)
class Bundle:
    """The cards of the models that answer together; one card may serve age and gender."""

    name: BundleName
    detector: ModelCard
    age: ModelCard
    gender: ModelCard | None
    identity: ModelCard
    age_is_borrowed: bool

    @property
    def crops(self) -> dict[Role, CropSpec]:
        """How each role's model wants its faces cut."""
        roles: dict[Role, ModelCard | None] = {
            "age": self.age,
            "gender": None if self.gender is self.age else self.gender,
            "identity": self.identity,
        }
        return {role: card.input.crop for role, card in roles.items() if card and card.input}


def resolve(options: ModelOptions) -> Bundle:
    """Read the cards that these options name.

    Raises:
        InvalidCheckpoint: a given checkpoint is unreadable or is a model of another kind.
    """
    given, identity = options.age_checkpoint, options.identity_checkpoint
    age = _checkpoint_card(given, "age") if given else shipped_card(_AGE[options.bundle])
    return Bundle(
        name=options.bundle,
        detector=shipped_card("mtcnn"),
        age=age,
        gender=age if age.gender_bins else shipped_card(_GENDER[options.bundle]),
        identity=_checkpoint_card(identity, "identity")
        if identity
        else shipped_card(_IDENTITY[options.bundle]),
        age_is_borrowed=options.bundle == "facenet" and given is None,
    )


def _checkpoint_card(path: Path, task: str) -> ModelCard:
    # Imported here, so that who only reads shipped cards, as the ingress does, loads no PyTorch.
    from faceage_core.models.checkpoint import read_checkpoint_card

    card = read_checkpoint_card(path)
    if card.task != task:
        raise InvalidCheckpoint(f"{path.name} is a model for {card.task}, not for {task}")
    return card
