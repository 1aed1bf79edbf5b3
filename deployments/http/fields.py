"""From a request's fields to the values of a comparison; every mistake names its field."""

import base64
import binascii
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import cast, get_args

from deployments.http.multipart import photo_too_large
from faceage_core.errors import InvalidArgument, UnreadableImage
from faceage_core.images import ImageLimits
from faceage_core.pipeline.graph import CompareRequest, Upload
from faceage_core.types import FaceChoice

COMPARE_PHOTOS = ("image_1", "image_2")
COMPARE_OPTIONS = ("faces", "threshold", "operating_point")
MAX_PHOTO_BYTES = ImageLimits().max_bytes

Fields = Mapping[str, object]  # an Upload for a photo, else what was sent

_STANDARD_ALPHABET = str.maketrans("-_", "+/")


def compare_request(fields: Fields) -> CompareRequest:
    """What a comparison needs.

    Raises:
        InvalidArgument: a field is missing or impossible.
    """
    return CompareRequest(
        image_1=photo(fields, "image_1"),
        image_2=photo(fields, "image_2"),
        faces=_face_choice(fields),
        threshold=_threshold(fields),
        operating_point=_operating_point(fields),
    )


def photo(fields: Fields, name: str) -> Upload:
    """A photo that has to be there."""
    value = fields.get(name)
    if not isinstance(value, Upload):
        raise InvalidArgument(f"{name} is missing", field=name)
    return value


def from_base64(value: object, name: str) -> bytes:
    """A photo out of JSON: base64 of either alphabet, perhaps in lines or as a data: URL.

    Raises:
        InvalidArgument: it is no text.
        ImageTooLarge: it has more bytes than a photo may have.
        UnreadableImage: it is no base64.
    """
    if not isinstance(value, str):
        raise InvalidArgument(f"{name} must be a photo in base64, got {_shown(value)}", field=name)
    text = value.partition(",")[2] if value.startswith("data:") else value
    text = "".join(text.split()).translate(_STANDARD_ALPHABET).rstrip("=")
    if len(text) * 3 // 4 > MAX_PHOTO_BYTES:
        raise photo_too_large(name, MAX_PHOTO_BYTES)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableImage(f"{name}: the photo is not valid base64", field=name) from None


def _face_choice(fields: Fields) -> FaceChoice:
    allowed = get_args(FaceChoice)
    value = fields.get("faces", "largest")
    if value not in allowed:
        raise InvalidArgument(
            f"faces must be one of {', '.join(allowed)}, got {_shown(value)}", field="faces"
        )
    return cast(FaceChoice, value)


def _threshold(fields: Fields) -> float | None:
    if "threshold" not in fields:
        return None
    value = fields["threshold"]
    number = math.nan
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        with suppress(ValueError, OverflowError):
            number = float(value)
    if not -1 <= number <= 1:
        raise InvalidArgument(
            f"threshold must be a number from -1 to 1, got {_shown(value)}", field="threshold"
        )
    return number


def _operating_point(fields: Fields) -> str | None:
    if "operating_point" not in fields:
        return None
    value = fields["operating_point"]
    if not isinstance(value, str):
        raise InvalidArgument(
            f"operating_point must be a name, got {_shown(value)}", field="operating_point"
        )
    return value[:64]


def _shown(value: object) -> str:
    """A value as the caller would recognise it, cut short and safe to print."""
    if isinstance(value, str):
        return ascii(value[:40])
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)[:40]
    return "a file" if isinstance(value, Upload) else "an array or an object"
