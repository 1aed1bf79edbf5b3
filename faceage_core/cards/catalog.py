"""The shipped cards and bundles by name, and card and bundle files by path."""

from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, overload

from pydantic import TypeAdapter, ValidationError

from faceage_core.cards.bundle import BundleSpec
from faceage_core.cards.model_card import CardT, ModelCard
from faceage_core.cards.weights import CheckpointFile
from faceage_core.errors import InvalidArgument, InvalidCheckpoint

CARD_NAME = "card.json"

_CARD: TypeAdapter[ModelCard] = TypeAdapter(ModelCard)
_BUNDLE = TypeAdapter(BundleSpec)


def read_card(path: Path) -> ModelCard:
    """Read a card file.

    Raises:
        InvalidCheckpoint: the file is missing or not JSON, or a field is missing, unknown or out
            of range; the message names the field.
    """
    document: ModelCard = _read(path, _CARD)
    return document


def read_bundle(path: Path) -> BundleSpec:
    """Read a bundle file.

    Raises:
        InvalidArgument: as `read_card`; its field is "bundle".
    """
    try:
        document: BundleSpec = _read(path, _BUNDLE)
    except InvalidCheckpoint as error:
        raise InvalidArgument(f"bundle: {error.message}", field="bundle") from None
    return document


def find_checkpoint(path: Path) -> tuple[ModelCard, Path]:
    """Read the card of a checkpoint and check that its own weights files exist.

    Args:
        path: the checkpoint's directory, its card file, or another file in the directory.

    Returns:
        The card, and the directory in which its own weights files are.

    Raises:
        InvalidCheckpoint: the card is missing or invalid, or a weights file is missing.
    """
    path = path.absolute()  # so that "." has a name for the messages
    if path.suffix == ".json":
        card_path = path
    else:
        card_path = (path.parent if path.is_file() else path) / CARD_NAME
    directory = card_path.parent
    if not card_path.is_file():
        raise InvalidCheckpoint(f"{directory.name} is not a checkpoint: missing {card_path.name}")
    card = read_card(card_path)
    own = [file.path for file in card.weights if isinstance(file, CheckpointFile)]
    if missing := [name for name in own if not (directory / name).is_file()]:
        raise InvalidCheckpoint(
            f"{directory.name} is not a checkpoint: missing {', '.join(missing)}"
        )
    return card, directory


@overload
def shipped_card(name: str) -> ModelCard: ...
@overload
def shipped_card(name: str, kind: type[CardT]) -> CardT: ...
def shipped_card(name: str, kind: type[Any] | None = None) -> Any:
    """The card of that name that comes with this package.

    Args:
        name: of the card.
        kind: the expected card class; None: any.

    Raises:
        InvalidArgument: unknown name.
        InvalidCheckpoint: the card belongs to another task.
    """
    if name not in shipped_card_names():
        names = ", ".join(shipped_card_names())
        raise InvalidArgument(f"unknown model {name!r}; known models: {names}")
    return require_kind(_shipped(name), kind, name) if kind else _shipped(name)


def require_kind(card: ModelCard, kind: type[CardT], source: str) -> CardT:
    """The same card, checked to be of one class.

    Raises:
        InvalidCheckpoint: the card belongs to another task; the message starts with `source`.
    """
    if not isinstance(card, kind):
        expected = kind.model_fields["task"].default
        raise InvalidCheckpoint(f"{source} is a model for {card.task}, not for {expected}")
    return card


def shipped_cards() -> list[ModelCard]:
    """Every card that comes with this package, by name."""
    return [_shipped(name) for name in shipped_card_names()]


@cache
def shipped_card_names() -> tuple[str, ...]:
    """The names of the cards that come with this package, sorted."""
    return _names("shipped")


@cache
def shipped_bundle_names() -> tuple[str, ...]:
    """The names of the bundles that come with this package, sorted."""
    return _names("bundles")


@cache
def shipped_bundle(name: str) -> BundleSpec:
    """The bundle of that name that comes with this package."""
    with resources.as_file(_directory("bundles") / f"{name}.json") as path:
        return read_bundle(path)


@cache
def _shipped(name: str) -> ModelCard:
    with resources.as_file(_directory("shipped") / f"{name}.json") as path:
        return read_card(path)


def _directory(name: str) -> Traversable:
    return resources.files("faceage_core") / "cards" / name


def _names(directory: str) -> tuple[str, ...]:
    files = (file.name for file in _directory(directory).iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in files if name.endswith(".json")))


def _read(path: Path, schema: TypeAdapter[Any]) -> Any:
    try:
        return schema.validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InvalidCheckpoint(f"there is no {path.name} in {path.parent.name}") from None
    except OSError as error:
        raise InvalidCheckpoint(f"{path.name} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        # A card's errors are located below its task, the tag of the union.
        place = [str(part) for part in first["loc"][1 if schema is _CARD else 0 :]]
        if not first["loc"] and first["type"].startswith("union_tag"):
            place = ["task"]
        message = f"{path.name}: {'.'.join(place) or 'the document'}: {first['msg']}"
        raise InvalidCheckpoint(message) from None
