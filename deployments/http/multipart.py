"""Streaming multipart/form-data: nothing goes to the disk, and no part exceeds its limit."""

from collections.abc import AsyncIterable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from deployments.limits import MEGABYTE
from faceage_core.errors import ImageTooLarge, InvalidArgument

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_MAX_PARTS = 16
_MAX_TEXT_BYTES = 4096


@dataclass
class Part:
    """One field of a form.

    Attributes:
        name: of the field.
        filename: as the client sent it; None if it sent none.
        data: its content.
    """

    name: str
    filename: str | None
    data: bytearray = field(default_factory=bytearray)


async def read_parts(
    content_type: str,
    body: AsyncIterable[bytes],
    *,
    file_fields: Collection[str],
    max_file_bytes: int,
) -> list[Part]:
    """Read a form.

    Args:
        content_type: the header, which states the boundary.
        body: as it arrives.
        file_fields: fields that hold files, also if the client sends them without a file name.
        max_file_bytes: the largest file.

    Raises:
        InvalidArgument: the form is malformed or truncated.
        ImageTooLarge: naming the field; raised while the file still arrives.
    """
    _, parameters = parse_options_header(content_type)
    if not parameters.get(b"boundary"):
        raise _invalid_form("the content-type states no boundary")
    form = _Form(file_fields, max_file_bytes)
    try:
        parser = MultipartParser(parameters[b"boundary"], form.callbacks())
        async for chunk in body:
            parser.write(chunk)
        parser.finalize()
    except FormParserError:
        raise _invalid_form(
            "the body is not multipart/form-data with the stated boundary"
        ) from None
    if not form.ended:
        raise _invalid_form("the body ends before the last boundary")
    return form.parts


class _Form:
    """Collects the parser's events into parts."""

    def __init__(self, file_fields: Collection[str], max_file_bytes: int) -> None:
        self.parts: list[Part] = []
        self.ended = False
        self._file_fields = file_fields
        self._max_file_bytes = max_file_bytes
        self._headers: dict[bytes, bytes] = {}
        self._name = b""
        self._value = b""

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_to_header_name,
            "on_header_value": self._add_to_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._open_part,
            "on_part_data": self._add_to_part,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        self._headers = {}

    def _add_to_header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_to_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _open_part(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if b"name" not in options:
            raise _invalid_form("a part has no name")
        if len(self.parts) == _MAX_PARTS:
            raise _invalid_form(f"it has more than {_MAX_PARTS} parts")
        filename = options.get(b"filename")
        self.parts.append(
            Part(_text(options[b"name"]), None if filename is None else _text(filename))
        )

    def _add_to_part(self, data: bytes, start: int, end: int) -> None:
        part = self.parts[-1]
        size = len(part.data) + end - start
        is_text = part.filename is None and part.name not in self._file_fields
        if is_text and size > _MAX_TEXT_BYTES:
            raise _invalid_form(f"a text field has more than {_MAX_TEXT_BYTES} bytes")
        if size > self._max_file_bytes:
            raise image_too_large(part.name, self._max_file_bytes)
        part.data += memoryview(data)[start:end]

    def _end(self) -> None:
        self.ended = True


def image_too_large(name: str, max_bytes: int) -> ImageTooLarge:
    """The error for an image with too many bytes."""
    return ImageTooLarge(
        f"{name}: the image has more than the allowed {max_bytes // MEGABYTE} MB",
        field=name,
    )


def _invalid_form(why: str) -> InvalidArgument:
    return InvalidArgument(f"invalid form: {why}")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")
