"""From an HTTP request to photos and options: size limits while streaming, nothing on disk.

A request is either multipart/form-data or JSON with the photos in base64. Both become the same
fields.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable

from starlette.requests import Request

from deployments.http.fields import (
    COMPARE_OPTIONS,
    COMPARE_PHOTOS,
    MAX_PHOTO_BYTES,
    compare_request,
    from_base64,
    photo,
)
from deployments.http.multipart import Part, read_parts
from deployments.limits import MAX_REQUEST_BYTES, TOO_LARGE, stated_bytes
from faceage_core.errors import InvalidArgument, RequestTooLarge, UnsupportedFormat
from faceage_core.pipeline.graph import CompareRequest, Upload


async def read_compare(request: Request) -> CompareRequest:
    """Read the two photos and the options of a comparison.

    Raises:
        InvalidArgument: a field is missing, unknown, given twice or impossible.
        UnreadableImage: a photo in JSON is not base64.
        UnsupportedFormat: the body is neither multipart/form-data nor JSON.
        RequestTooLarge, ImageTooLarge: refused while the body still arrives.
    """
    return compare_request(await _read_fields(request, COMPARE_PHOTOS, COMPARE_OPTIONS))


async def read_image(request: Request) -> Upload:
    """Read the one photo of a request; raises as `read_compare`."""
    return photo(await _read_fields(request, ("image",), ()), "image")


async def _read_fields(
    request: Request, photos: tuple[str, ...], options: tuple[str, ...]
) -> dict[str, object]:
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        parts = await read_parts(content_type, _bounded(request), max_file_bytes=MAX_PHOTO_BYTES)
        sent = [(part.name, _value(part, photos)) for part in parts]
    elif kind == "application/json":
        body = b"".join([chunk async for chunk in _bounded(request)])
        sent = await asyncio.to_thread(_from_json, body, photos)
    else:
        raise UnsupportedFormat(
            f"the body is {_named(kind) if kind else 'of no stated type'}; send "
            "multipart/form-data or application/json"
        )
    for name, value in request.query_params.multi_items():
        if name in photos:
            raise InvalidArgument(f"{name} belongs in the body", field=name)
        sent.append((name, value))
    return _each_once(sent, (*photos, *options))


def _each_once(sent: Iterable[tuple[str, object]], allowed: tuple[str, ...]) -> dict[str, object]:
    fields: dict[str, object] = {}
    for name, value in sent:
        if name not in allowed:
            raise InvalidArgument(
                f"{_named(name)} is not a field; allowed are {', '.join(allowed)}",
                field=_named(name),
            )
        if name in fields:
            raise InvalidArgument(f"{name} is given twice", field=name)
        fields[name] = value
    return fields


def _value(part: Part, photos: tuple[str, ...]) -> object:
    if part.filename is not None:
        return Upload(_base_name(part.filename) or part.name, bytes(part.data))
    if part.name in photos:
        raise InvalidArgument(f"{part.name} must be a file, got text", field=part.name)
    return part.data.decode("utf-8", errors="replace")


def _from_json(body: bytes, photos: tuple[str, ...]) -> list[tuple[str, object]]:
    try:
        # Every object becomes its pairs, so that a name given twice is not lost.
        document = json.loads(body, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        raise InvalidArgument("the body is not valid JSON") from None
    if not isinstance(document, _Pairs):
        raise InvalidArgument("the body must be a JSON object")
    return [
        (name, Upload(name, from_base64(value, name)) if name in photos else value)
        for name, value in document
    ]


class _Pairs(list[tuple[str, object]]):
    """A JSON object as it was written."""


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    """The body, refused as soon as it is known to be too large."""
    if stated_bytes(request.headers.get("content-length")) > MAX_REQUEST_BYTES:
        raise RequestTooLarge(TOO_LARGE)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > MAX_REQUEST_BYTES:
            raise RequestTooLarge(TOO_LARGE)
        yield chunk


def _named(name: str) -> str:
    """A name that the caller made up, cut short and safe to print."""
    return _printable(name[:64]) or "(no name)"


def _base_name(filename: str) -> str:
    """The last part of a client's file name, whichever way its slashes lean."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    return _printable(name)[:128]


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable())
