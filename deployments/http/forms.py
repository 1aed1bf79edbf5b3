"""From an HTTP request to images and options; bodies are streamed, nothing goes to the disk.

A request is either multipart/form-data or JSON with the images in base64; options may also be
in the query string.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterator, Collection, Iterable

from starlette.requests import Request

from deployments.http.multipart import Part, image_too_large, read_parts
from deployments.limits import MAX_REQUEST_BYTES, TOO_LARGE, content_length
from faceage_core.errors import (
    InvalidArgument,
    RequestTooLarge,
    UnreadableImage,
    UnsupportedFormat,
)
from faceage_core.images import ImageLimits
from faceage_core.pipeline.graph import CompareRequest, FacesRequest, ImageFile
from faceage_core.pipeline.options import (
    CompareOptions,
    FacesOptions,
    Options,
    list_options,
    parse_options,
    shown_name,
)

COMPARE_IMAGES = ("image_1", "image_2")
FACES_IMAGES = ("image",)
MAX_IMAGE_BYTES = ImageLimits().max_bytes

_DATA_URL = b"data:"
_STANDARD_ALPHABET = str.maketrans("-_", "+/")


async def read_compare(request: Request) -> CompareRequest:
    """Read the two images and the options of a comparison.

    Raises:
        InvalidArgument: a field is missing, unknown, not allowed, or given twice but not a list.
        UnreadableImage: an image in JSON is not base64.
        UnsupportedFormat: the body is compressed, or neither multipart/form-data nor JSON.
        RequestTooLarge, ImageTooLarge: raised while the body still arrives.
    """
    images, options = await _read(request, COMPARE_IMAGES, CompareOptions)
    return CompareRequest(images["image_1"], images["image_2"], options)


async def read_faces(request: Request) -> FacesRequest:
    """Read the one image of a request; raises as `read_compare`."""
    images, options = await _read(request, FACES_IMAGES, FacesOptions)
    return FacesRequest(images["image"], options)


async def _read(
    request: Request, names: tuple[str, ...], kind: type[Options]
) -> tuple[dict[str, ImageFile], Options]:
    fields = _fields_by_name(
        await _read_fields(request, names), (*names, *kind.model_fields), list_options(kind)
    )
    images = {name: _image(fields.pop(name, None), name) for name in names}
    return images, parse_options(kind, fields)


async def _read_fields(request: Request, images: tuple[str, ...]) -> list[tuple[str, object]]:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedFormat(
            f"content-encoding must be identity, got {shown_name(encoding)}",
            field="content-encoding",
        )
    content_type = request.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        parts = await read_parts(
            content_type, _bounded(request), file_fields=images, max_file_bytes=MAX_IMAGE_BYTES
        )
        fields = [(part.name, _value(part, images)) for part in parts]
    elif media_type == "application/json":
        body = b"".join([chunk async for chunk in _bounded(request)])
        fields = await asyncio.to_thread(_from_json, body, images)
    else:
        shown = shown_name(media_type) if media_type else "missing"
        raise UnsupportedFormat(
            f"content-type must be multipart/form-data or application/json, got {shown}"
        )
    for name, value in request.query_params.multi_items():
        if name in images:
            raise InvalidArgument(f"{name} must be in the body, not in the query", field=name)
        fields.append((name, value))
    return fields


def _fields_by_name(
    fields: Iterable[tuple[str, object]], allowed: tuple[str, ...], lists: Collection[str]
) -> dict[str, object]:
    """The value of each field; for a field of `lists` that is given several times, all of them."""
    found: dict[str, list[object]] = {}
    for name, value in fields:
        if name not in allowed:
            raise InvalidArgument(
                f"{shown_name(name)} is not a field; allowed are {', '.join(allowed)}",
                field=shown_name(name),
            )
        if name in found and name not in lists:
            raise InvalidArgument(f"{name} is given twice", field=name)
        found.setdefault(name, []).append(value)
    return {name: _joined(values) for name, values in found.items()}


def _joined(values: list[object]) -> object:
    """A single value as it is; the items of several."""
    if len(values) == 1:
        return values[0]
    lists = (value if isinstance(value, list) else [value] for value in values)
    return [item for part in lists for item in part]


def _image(value: object, name: str) -> ImageFile:
    if not isinstance(value, ImageFile):
        raise InvalidArgument(f"{name} is missing", field=name)
    return value


def _value(part: Part, images: tuple[str, ...]) -> object:
    if part.filename is None and part.name not in images:
        return part.data.decode("utf-8", errors="replace")
    data = bytes(part.data)
    if data[:5].lower() == _DATA_URL:
        data = from_base64(data.decode("ascii", errors="replace"), part.name)
    return ImageFile(_base_name(part.filename or "") or part.name, data)


def _from_json(body: bytes, images: tuple[str, ...]) -> list[tuple[str, object]]:
    try:
        # Read each object as a list of pairs, so that a repeated name can be detected.
        document = json.loads(body, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        raise InvalidArgument("the body is not valid JSON") from None
    if not isinstance(document, _Pairs):
        raise InvalidArgument("the body must be a JSON object")
    return [
        (name, ImageFile(name, from_base64(value, name)) if name in images else value)
        for name, value in document
    ]


class _Pairs(list[tuple[str, object]]):
    """The members of a JSON object in their order, repeated names included."""


def from_base64(value: object, name: str) -> bytes:
    """Decode an image in JSON: base64 in either alphabet, with or without line breaks or data: URL.

    Raises:
        InvalidArgument: it is not a string.
        ImageTooLarge: it has more bytes than allowed.
        UnreadableImage: it is not base64.
    """
    if not isinstance(value, str):
        raise InvalidArgument(f"{name} must be an image in base64", field=name)
    is_data_url = value[:5].lower() == _DATA_URL.decode()
    text = value.partition(",")[2] if is_data_url else value
    text = "".join(text.split()).translate(_STANDARD_ALPHABET).rstrip("=")
    if len(text) * 3 // 4 > MAX_IMAGE_BYTES:
        raise image_too_large(name, MAX_IMAGE_BYTES)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableImage(f"{name}: the image is not valid base64", field=name) from None


async def _bounded(request: Request) -> AsyncIterator[bytes]:
    """The body in chunks, up to the limit."""
    if content_length(request.headers) > MAX_REQUEST_BYTES:
        raise RequestTooLarge(TOO_LARGE)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > MAX_REQUEST_BYTES:
            raise RequestTooLarge(TOO_LARGE)
        yield chunk


def _base_name(filename: str) -> str:
    """The last part of a client's file name, after the last slash or backslash."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in name if character.isprintable())[:128]
