"""The options of a request, stated once for the library, the CLI, HTTP and its OpenAPI document."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, get_origin

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from faceage_core.errors import InvalidArgument
from faceage_core.types import FaceChoice

# JSON schema types in an error message.
_TYPES = {
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "string": "text",
}
_MAX_SHOWN = 40  # characters of a refused value that an error message repeats
_MAX_NAMES = 256  # characters of a text that lists names


def _reject_bool(value: object) -> object:
    """True and False are integers to Python, but not thresholds."""
    if isinstance(value, bool):
        raise PydanticCustomError("not_a_number", "not a number")
    return value


def _split_names(value: object) -> object:
    """A list of names may also be text, separated by commas; so may its items."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple | set | frozenset):
        return value
    return [name for item in items for name in _names(item)]


def _names(item: object) -> list[object]:
    if not isinstance(item, str) or len(item) > _MAX_NAMES:
        return [item]
    return [name.strip() for name in item.split(",") if name.strip()]


Name = TypeVar("Name", bound=str)
# Validation ends at the first wrong name: an untrusted list may have millions of them.
Names = Annotated[frozenset[Name], FailFast(), BeforeValidator(_split_names)]


class RequestOptions(BaseModel):
    """What the options of all requests have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _drop_absent(cls, values: Any) -> Any:
        """Null and empty mean absent: forms and JSON writers send both for "not set"."""
        if isinstance(values, Mapping):
            return {
                name: value for name, value in values.items() if value is not None and value != ""
            }
        return values


class FacesOptions(RequestOptions):
    """The options for the faces of one image."""

    include: Names[Literal["age_distribution", "landmarks"]] = Field(
        default=frozenset(),
        description="Fields of each face to add to the answer; they are null otherwise. Several "
        "are separated by commas, or the option is repeated.",
    )


class CompareOptions(RequestOptions):
    """The options of a comparison."""

    model_config = ConfigDict(
        json_schema_extra={"not": {"required": ["threshold", "operating_point"]}}
    )

    faces: FaceChoice = Field(
        default="largest",
        description="Which face of each image to compare: the largest, the one nearest the "
        "image's centre, or all, each with each.",
    )
    threshold: Annotated[float, Field(ge=-1, le=1), BeforeValidator(_reject_bool)] | None = Field(
        default=None,
        description="Decide by this cosine similarity instead of an operating point of the model.",
    )
    operating_point: Annotated[str, Field(max_length=64)] | None = Field(
        default=None,
        description="Decide by this named threshold of the identity model's card.",
    )
    include: Names[Literal["age_distribution", "landmarks", "photos"]] = Field(
        default=frozenset(),
        description="Fields to add to the answer; they are null otherwise: photos holds every face "
        "of both images, age_distribution and landmarks are fields of each face. Several are "
        "separated by commas, or the option is repeated.",
    )

    @model_validator(mode="after")
    def _check_exclusive(self) -> "CompareOptions":
        if self.threshold is not None and self.operating_point is not None:
            raise PydanticCustomError(
                "mutually_exclusive",
                "threshold and operating_point are mutually exclusive: give one of them",
                {"field": "threshold"},
            )
        return self


Options = TypeVar("Options", bound=RequestOptions)


def list_options(kind: type[RequestOptions]) -> frozenset[str]:
    """The options that hold a set of names; a caller may give them several times."""
    fields = kind.model_fields.items()
    return frozenset(name for name, field in fields if get_origin(field.annotation) is frozenset)


def parse_options(kind: type[Options], values: Mapping[str, object]) -> Options:
    """Read options that a caller sent.

    Args:
        kind: which options.
        values: by name; numbers may be text. None and "" mean absent.

    Raises:
        InvalidArgument: an option is unknown or not allowed; the message names the option, the
            value and what is allowed.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise _invalid_argument(kind, error) from None


def option_schema(kind: type[RequestOptions], name: str) -> dict[str, Any]:
    """The JSON schema of one option's value, without the null that stands for "absent"."""
    schema = dict(kind.model_json_schema()["properties"][name])
    for branch in schema.pop("anyOf", []):
        if branch.get("type") != "null":
            schema |= branch
    schema.pop("title", None)
    if schema.get("default", "") is None:
        del schema["default"]
    return schema


def _invalid_argument(kind: type[RequestOptions], error: ValidationError) -> InvalidArgument:
    first = error.errors(include_url=False)[0]
    if first["type"] == "mutually_exclusive":
        return InvalidArgument(first["msg"], field=first["ctx"]["field"])
    name = str(first["loc"][0])
    if name not in kind.model_fields:
        allowed = ", ".join(kind.model_fields) or "none"
        return InvalidArgument(
            f"{shown_name(name)} is not an option; allowed are {allowed}", field=shown_name(name)
        )
    return InvalidArgument(
        f"{name} must be {_allowed(option_schema(kind, name))}, got {_shown_value(first['input'])}",
        field=name,
    )


def _allowed(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if schema["type"] == "array":
        return f"any of {', '.join(schema['items']['enum'])}"
    text = _TYPES[schema["type"]]
    if "minimum" in schema and "maximum" in schema:
        text += f" from {schema['minimum']:g} to {schema['maximum']:g}"
    if "maxLength" in schema:
        text += f" of at most {schema['maxLength']} characters"
    return text


def _shown_value(value: object) -> str:
    """A refused value: shortened, and safe to print and to send."""
    if isinstance(value, str):
        return ascii(value[:_MAX_SHOWN])
    if value is None or isinstance(value, bool | int | float):
        try:
            return str(value)[:_MAX_SHOWN]
        except ValueError:  # an integer with more digits than Python converts
            return "a very large integer"
    return "a file" if isinstance(value, bytes) else "an array, an object or a file"


def shown_name(name: str) -> str:
    """An unknown name from a caller: shortened, and without control characters."""
    return "".join(character for character in name[:64] if character.isprintable()) or "(no name)"
