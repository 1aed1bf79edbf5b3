"""YAML files that people write: where they are found, how they are changed, what is wrong in them.

Recipes and search spaces are such files; some come with the project.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from faceage_core.errors import InvalidArgument

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Kind:
    """A kind of such files.

    Attributes:
        word: what one is called.
        package: that the project's own are in.
        folder: of the package.
        field: that errors about a whole file name.
    """

    word: str
    package: str
    folder: str
    field: str = "config"

    def shipped(self) -> list[str]:
        """The names of those that come with the project."""
        files = [file.name for file in self._folder().iterdir()]
        return sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml"))

    def read(self, config: str | Path) -> dict[str, Any]:
        """The keys and values of a file.

        Args:
            config: the path of a .yaml file, or the name of one that comes with the project.

        Raises:
            InvalidArgument: there is none, or it cannot be read.
        """
        try:
            document = yaml.safe_load(self._text(config))
        except yaml.YAMLError as error:
            said = " ".join(str(error).split())
            raise InvalidArgument(f"{config} is not YAML: {said}", field=self.field) from None
        if not isinstance(document, dict):
            raise InvalidArgument(f"{config} must hold keys and values", field=self.field)
        return document

    def validated(self, model: type[Model], document: Mapping[str, Any]) -> Model:
        """The document as a model.

        Raises:
            InvalidArgument: naming the first key that cannot be what it is.
        """
        try:
            return model.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or f"the {self.word}"
            said = first["msg"].removeprefix("Value error, ")
            if first["type"] == "extra_forbidden":
                said = "there is no such key"
            elif first["type"] == "missing":
                said = "is required"
            raise InvalidArgument(f"{place}: {said}", field=place) from None

    def _text(self, config: str | Path) -> str:
        path = Path(config)
        if path.suffix not in (".yaml", ".yml"):
            if str(config) not in (names := self.shipped()):
                raise InvalidArgument(
                    f"there is no {self.word} {str(config)!r}; there are {', '.join(names)}, or "
                    "name a .yaml file",
                    field=self.field,
                )
            return (self._folder() / f"{config}.yaml").read_text("utf-8")
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            said = getattr(error, "strerror", None) or "it is not UTF-8"
            raise InvalidArgument(f"{path} cannot be read: {said}", field=self.field) from None

    def _folder(self) -> Traversable:
        return resources.files(self.package) / self.folder


def parsed_override(override: str) -> tuple[str, Any]:
    """The key and the value of a "key=value" whose value is YAML.

    Raises:
        InvalidArgument: it is not such a pair.
    """
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise InvalidArgument(f"expected key=value, got {override!r}", field=override)
    try:
        return key, yaml.safe_load(text)
    except yaml.YAMLError:
        raise InvalidArgument(f"{key}: {text!r} is not YAML", field=key) from None


def set_key(document: dict[str, Any], key: str, value: Any) -> None:
    """Put a value where a dotted key says, in place.

    Raises:
        InvalidArgument: the key leads through something that holds no keys.
    """
    *path, last = key.split(".")
    place: Any = document
    for part in path:
        place = place.setdefault(part, {}) if isinstance(place, dict) else None
    if not isinstance(place, dict):
        raise InvalidArgument(f"{key}: there is no such key", field=key)
    place[last] = value
