"""From an HTTP request to photos and options: size limits while streaming, nothing on disk.

A request is either multipart/form-data or JSON with the photos in base64. Both become the same
fields; every mistake names its field.
"""

import base64
import binascii
import json
import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import cast, get_args

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from deployments.graph import CompareRequest, Upload
from faceage_core.errors import (
    ImageTooLarge,
    InvalidArgument,
    RequestTooLarge,
    UnreadableImage,
    UnsupportedFormat,
)
from faceage_core.images import ImageLimits
from faceage_core.types import FaceChoice

MEGABYTE = 1024 * 1024
MAX_REQUEST_BYTES = 30 * MEGABYTE
MAX_PHOTO_BYTES = ImageLimits().max_bytes

_MAX_FIELDS = 8
_MAX_OPTION_BYTES = 4096
_OPTIONS = ("faces", "threshold", "operating_point")

Fields = Mapping[str, object]  # an Upload for a photo, else what was sent


async def read_compare(request: Request) -> CompareRequest:
    """Read the two photos and the options of a comparison.

    Raises:
        InvalidArgument: a field is missing, unknown, given twice or impossible.
        UnsupportedFormat: the body is neither multipart/form-data nor JSON.
        RequestTooLarge, ImageTooLarge: refused while the body still arrives.
    """
    fields = await _read_fields(request, photos=("image_1", "image_2"), options=_OPTIONS)
    return CompareRequest(
        image_1=_photo(fields, "image_1"),
        image_2=_photo(fields, "image_2"),
        faces=_face_choice(fields.get("faces")),
        threshold=_threshold(fields.get("threshold")),
        operating_point=_operating_point(fields.get("operating_point")),
    )


async def read_image(request: Request) -> Upload:
    """Read the one photo of a request; raises as `read_compare`."""
    return _photo(await _read_fields(request, photos=("image",), options=()), "image")


async def _read_fields(
    request: Request, *, photos: tuple[str, ...], options: tuple[str, ...]
) -> Fields:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        fields = await _read_multipart(request, photos)
    elif kind == "application/json":
        fields = await _read_json(request, photos)
    else:
        raise UnsupportedFormat(
            f"the body is {kind or 'of no stated type'}; send multipart/form-data or "
            "application/json"
        )
    for name, value in request.query_params.multi_items():
        if name in fields:
            raise InvalidArgument(f"{name} is given twice", field=name)
        if name in photos:
            raise InvalidArgument(f"{name} belongs in the body", field=name)
        fields[name] = value
    for name in fields:
        if name not in (*photos, *options):
            allowed = ", ".join((*photos, *options))
            raise InvalidArgument(
                f"{name[:64]} is not a field; allowed are {allowed}", field=name[:64]
            )
    return fields


async def _read_multipart(request: Request, photos: tuple[str, ...]) -> dict[str, object]:
    parser = _InMemoryParser(
        request.headers,
        _bounded(request),
        max_files=_MAX_FIELDS,
        max_fields=_MAX_FIELDS,
        max_part_size=_MAX_OPTION_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise InvalidArgument(f"the form cannot be read: {error.message}") from None
    fields: dict[str, object] = {}
    for name, value in form.multi_items():
        if name in fields:
            raise InvalidArgument(f"{name} is given twice", field=name)
        if isinstance(value, UploadFile):
            fields[name] = Upload(_base_name(value.filename) or name, await value.read())
        elif name in photos:
            raise InvalidArgument(f"{name} must be a file, got text", field=name)
        else:
            fields[name] = value
    return fields


async def _read_json(request: Request, photos: tuple[str, ...]) -> dict[str, object]:
    chunks = [chunk async for chunk in _bounded(request)]
    try:
        document = json.loads(b"".join(chunks))
    except (ValueError, RecursionError):
        raise InvalidArgument("the body is not valid JSON") from None
    if not isinstance(document, dict):
        raise InvalidArgument("the body must be a JSON object")
    fields: dict[str, object] = {k: v for k, v in document.items() if v is not None}
    for name in photos:
        if name in fields:
            fields[name] = Upload(name, _from_base64(fields[name], name))
    return fields


async def _bounded(request: Request) -> AsyncGenerator[bytes, None]:
    """The body, refused as soon as it is known to be too large."""
    error = RequestTooLarge(
        f"the request has more than {MAX_REQUEST_BYTES // MEGABYTE} MB, the most that is allowed"
    )
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > MAX_REQUEST_BYTES:
        raise error
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > MAX_REQUEST_BYTES:
            raise error
        yield chunk


class _InMemoryParser(MultiPartParser):
    """Starlette's parser without its temporary files: a photo must not reach the disk."""

    spool_max_size = 0  # never roll over to a file

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._current_part
        super().on_part_data(data, start, end)
        if part.file is not None:
            waiting = sum(len(chunk) for owner, chunk in self._file_parts_to_write if owner is part)
            if (part.file.size or 0) + waiting > MAX_PHOTO_BYTES:
                raise _photo_too_large(part.field_name)


def _photo_too_large(field: str) -> ImageTooLarge:
    return ImageTooLarge(
        f"{field}: the photo has more than {MAX_PHOTO_BYTES // MEGABYTE} MB, the most that is "
        "allowed",
        field=field,
    )


def _photo(fields: Fields, name: str) -> Upload:
    value = fields.get(name)
    if not isinstance(value, Upload):
        raise InvalidArgument(f"{name} is missing", field=name)
    return value


def _from_base64(value: object, name: str) -> bytes:
    if not isinstance(value, str):
        raise InvalidArgument(f"{name} must be a photo in base64", field=name)
    text = value.partition(",")[2] if value.startswith("data:") else value
    if len(text) > (MAX_PHOTO_BYTES + 2) // 3 * 4:
        raise _photo_too_large(name)
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableImage(f"{name}: the photo is not valid base64", field=name) from None


def _face_choice(value: object) -> FaceChoice:
    allowed = get_args(FaceChoice)
    if value is None:
        return "largest"
    if value not in allowed:
        raise InvalidArgument(
            f"faces must be one of {', '.join(allowed)}, got {_shown(value)}", field="faces"
        )
    return cast(FaceChoice, value)


def _threshold(value: object) -> float | None:
    if value is None:
        return None
    number = math.nan
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            number = float(value)
    if not -1 <= number <= 1:
        raise InvalidArgument(
            f"threshold must be a number from -1 to 1, got {_shown(value)}", field="threshold"
        )
    return number


def _operating_point(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise InvalidArgument(
            f"operating_point must be a name, got {_shown(value)}", field="operating_point"
        )
    return value


def _shown(value: object) -> str:
    """A value as the caller would recognise it, cut short."""
    text = value if isinstance(value, str) else json.dumps(value, default=lambda _: "a file")
    return repr(text[:40]) if isinstance(value, str) else text[:40]


def _base_name(filename: str | None) -> str:
    """The last part of a client's file name, whichever way its slashes lean."""
    name = (filename or "").replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in name if character.isprintable())[:128]
