"""YAML configuration files that people write: recipes and search spaces.

Reading and writing YAML, finding the files, validating their content, and `key=value` overrides.
"""

import re
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


class _Loader(yaml.SafeLoader):
    """YAML 1.1, and the floats of YAML 1.2."""


class _Dumper(yaml.SafeDumper):
    """Quotes text that `_Loader` would read as a float."""


# YAML 1.1 reads a number with an exponent as a float only if it has a dot and a signed exponent:
# 1e-2 and 1.5e2 are text, and so is -.5. YAML 1.2 (section 10.3.2) reads them as floats.
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$")
for _class in (_Loader, _Dumper):
    _class.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))


def load_yaml(text: str | bytes) -> Any:
    """Parse one YAML document; numbers such as 1e-2 are floats.

    Raises:
        yaml.YAMLError: the text is not YAML.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506


def dump_yaml(document: Any) -> str:
    """Return a document as YAML that `load_yaml` reads back unchanged; keys keep their order."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False)


@dataclass(frozen=True)
class ConfigRegistry:
    """The configuration files of one kind that the project ships, and how to read any of that kind.

    Attributes:
        kind: name of the kind, such as "recipe".
        package: the package that contains the shipped files.
        folder: the folder in the package.
        field: the field of errors that concern a whole file.
    """

    kind: str
    package: str
    folder: str
    field: str = "config"

    def shipped(self) -> list[str]:
        """Return the names of the shipped files, sorted."""
        files = [file.name for file in self._folder().iterdir()]
        return sorted(name.removesuffix(".yaml") for name in files if name.endswith(".yaml"))

    def read(self, config: str | Path) -> dict[str, Any]:
        """Return the content of a file.

        Args:
            config: path of a .yaml file, or name of a shipped file.

        Raises:
            InvalidArgument: the file is missing, unreadable, or not a YAML mapping.
        """
        try:
            document = load_yaml(self._text(config))
        except yaml.YAMLError as error:
            reason = " ".join(str(error).split())
            raise InvalidArgument(f"{config} is not YAML: {reason}", field=self.field) from None
        if not isinstance(document, dict):
            raise InvalidArgument(f"{config} must map keys to values", field=self.field)
        return document

    def validate(self, model: type[Model], document: Mapping[str, Any]) -> Model:
        """Return the document as a model.

        Raises:
            InvalidArgument: the document is invalid; message and field name the first invalid key.
        """
        try:
            return model.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"]) or f"the {self.kind}"
            reason = first["msg"].removeprefix("Value error, ")
            if first["type"] == "extra_forbidden":
                reason = "unknown key"
            elif first["type"] == "missing":
                reason = "is required"
            raise InvalidArgument(f"{key}: {reason}", field=key) from None

    def _text(self, config: str | Path) -> str:
        path = Path(config)
        if path.suffix not in (".yaml", ".yml"):
            if str(config) not in (names := self.shipped()):
                raise InvalidArgument(
                    f"unknown {self.kind} {str(config)!r}; available: {', '.join(names)}, or the "
                    "path of a .yaml file",
                    field=self.field,
                )
            return (self._folder() / f"{config}.yaml").read_text("utf-8")
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise InvalidArgument(f"{path} cannot be read: {reason}", field=self.field) from None

    def _folder(self) -> Traversable:
        return resources.files(self.package) / self.folder


def parse_override(override: str) -> tuple[str, Any]:
    """Split "key=value" into the key and the value, which is parsed as YAML.

    Raises:
        InvalidArgument: the text has no "=", an empty key, or a value that is not YAML.
    """
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise InvalidArgument(f"expected key=value, got {override!r}", field=override)
    try:
        return key, load_yaml(text)
    except yaml.YAMLError:
        raise InvalidArgument(f"{key}: {text!r} is not YAML", field=key) from None


def set_key(document: dict[str, Any], key: str, value: Any) -> None:
    """Set the value of a dotted key, such as "optimizer.lr", in place.

    Raises:
        InvalidArgument: a part of the key before the last does not hold keys.
    """
    *path, last = key.split(".")
    parent: Any = document
    for part in path:
        parent = parent.setdefault(part, {}) if isinstance(parent, dict) else None
    if not isinstance(parent, dict):
        raise InvalidArgument(f"{key}: unknown key", field=key)
    parent[last] = value
