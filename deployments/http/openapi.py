"""The parts of the OpenAPI document that FastAPI cannot derive, as the routes read the bodies."""

from typing import Any

from pydantic import BaseModel

from deployments.http.forms import COMPARE_IMAGES, FACES_IMAGES
from faceage_core.pipeline.options import (
    CompareOptions,
    FacesOptions,
    RequestOptions,
    option_schema,
)

_BINARY = {"type": "string", "format": "binary"}
_BASE64 = {"type": "string", "contentEncoding": "base64"}


def compare_request() -> dict[str, Any]:
    """The body and query of POST /v1/compare."""
    return _request(COMPARE_IMAGES, CompareOptions)


def faces_request() -> dict[str, Any]:
    """The body and query of POST /v1/faces."""
    return _request(FACES_IMAGES, FacesOptions)


def responses(error: type[BaseModel], *, picture: bool = False) -> dict[int | str, dict[str, Any]]:
    """The responses besides the JSON of a success."""
    documented: dict[int | str, dict[str, Any]] = {
        408: {"model": error, "description": "the upload stopped"},
        413: {"model": error, "description": "an image or the request is too large"},
        415: {"model": error, "description": "a format that is not supported"},
        422: {"model": error, "description": "no face, not an image, or an invalid option"},
        503: {"model": error, "description": "the service is overloaded; see Retry-After"},
        504: {"model": error, "description": "the answer took too long"},
    }
    if picture:
        documented[200] = {
            "description": "JSON, or with `Accept: image/jpeg` the annotated picture",
            "content": {"image/jpeg": {"schema": _BINARY}},
        }
    return documented


def _request(images: tuple[str, ...], kind: type[RequestOptions]) -> dict[str, Any]:
    options = {name: option_schema(kind, name) for name in kind.model_fields}
    exclusive = {name: value for name, value in kind.model_json_schema().items() if name == "not"}

    def body(image: dict[str, Any]) -> dict[str, Any]:
        return {
            "schema": {
                "type": "object",
                "required": list(images),
                "properties": {**dict.fromkeys(images, image), **options},
                "additionalProperties": False,
                **exclusive,
            }
        }

    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": f"{schema['description']} Give it here or in the body.",
                "schema": {key: value for key, value in schema.items() if key != "description"},
            }
            for name, schema in options.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"multipart/form-data": body(_BINARY), "application/json": body(_BASE64)},
        },
    }
