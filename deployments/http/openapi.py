"""What the OpenAPI document says of the bodies, which the routes read themselves."""

from typing import Any, get_args

from pydantic import BaseModel

from faceage_core.types import FaceChoice

_BINARY = {"type": "string", "format": "binary"}
_BASE64 = {"type": "string", "contentEncoding": "base64"}
_OPTIONS: dict[str, Any] = {
    "faces": {
        "type": "string",
        "enum": list(get_args(FaceChoice)),
        "default": "largest",
        "description": "which face of each photo is meant; all compares each with each",
    },
    "threshold": {
        "type": "number",
        "minimum": -1,
        "maximum": 1,
        "description": "an explicit cosine similarity to decide by",
    },
    "operating_point": {
        "type": "string",
        "description": "a named threshold of the identity model's card, in its place",
    },
}


def compare_body() -> dict[str, Any]:
    """The body of POST /v1/compare."""
    return _body(("image_1", "image_2"), _OPTIONS)


def faces_body() -> dict[str, Any]:
    """The body of POST /v1/faces."""
    return _body(("image",), {})


def responses(error: type[BaseModel], *, picture: bool = False) -> dict[int | str, dict[str, Any]]:
    """The answers beside the JSON of a success."""
    documented: dict[int | str, dict[str, Any]] = {
        408: {"model": error, "description": "the upload stopped"},
        413: {"model": error, "description": "a photo or the request is too large"},
        415: {"model": error, "description": "a format that is not read"},
        422: {"model": error, "description": "no face, no picture, or an impossible option"},
        503: {"model": error, "description": "more requests than the service can take"},
        504: {"model": error, "description": "the answer took too long"},
    }
    if picture:
        documented[200] = {
            "description": "JSON, or with `Accept: image/jpeg` the annotated picture",
            "content": {"image/jpeg": {"schema": _BINARY}},
        }
    return documented


def _body(photos: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
    def schema(photo: dict[str, Any]) -> dict[str, Any]:
        return {
            "schema": {
                "type": "object",
                "required": list(photos),
                "properties": {**dict.fromkeys(photos, photo), **options},
                "additionalProperties": False,
            }
        }

    content = {"multipart/form-data": schema(_BINARY), "application/json": schema(_BASE64)}
    return {"requestBody": {"required": True, "content": content}}
