import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.http.multipart import Part, read_parts
from faceage_core.errors import ImageTooLarge, InvalidArgument

FILE_FIELDS = ("image",)
HEADER = "multipart/form-data; boundary=XX"
PHOTO = b'--XX\r\nContent-Disposition: form-data; name="a"; filename="b.jpg"\r\n\r\n'
TEXT = b'--XX\r\nContent-Disposition: form-data; name="t"\r\n\r\n'
END = b"\r\n--XX--\r\n"


def parts_of(*chunks: bytes, header: str = HEADER, limit: int = 1000) -> list[Part]:
    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return asyncio.run(read_parts(header, body(), file_fields=FILE_FIELDS, max_file_bytes=limit))


def split(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = [0, *sorted(cuts), len(body)]
    return [body[a:b] for a, b in zip(places, places[1:], strict=False)]


@given(
    photo=st.binary(max_size=60) | st.text("\r\n-X", max_size=60).map(str.encode),
    cuts=st.lists(st.integers(0, 250), max_size=12),
)
def test_a_form_gives_the_same_parts_for_any_chunks(photo: bytes, cuts: list[int]) -> None:
    if b"\r\n--XX" in b"\r\n" + photo:
        return
    body = PHOTO + photo + b"\r\n" + TEXT + b"0.5" + END

    assert parts_of(*split(body, (min(cut, len(body)) for cut in cuts))) == [
        Part("a", "b.jpg", bytearray(photo)),
        Part("t", None, bytearray(b"0.5")),
    ]


def test_a_form_needs_no_line_break_after_the_last_boundary() -> None:
    assert parts_of(PHOTO + b"x\r\n--XX--")[0].data == b"x"


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("multipart/form-data", PHOTO + END),
        ("multipart/form-data; boundary=", PHOTO + END),
        ("multipart/form-data; boundary=" + "X" * 300, PHOTO + END),
        (HEADER, b""),
        (HEADER, b"not a form"),
        (HEADER, PHOTO.replace(b"XX", b"YY") + END),
        (HEADER, PHOTO + b"never closed"),
        (HEADER, PHOTO + b"never ended\r\n--XX\r\n"),
        (HEADER, b"--XX\r\nContent-Disposition: form-data\r\n\r\nno name" + END),
        (HEADER, b"--XX\r\n\r\nno headers" + END),
        (HEADER, b"--XX\r\nCont\0ent\xff: x\r\n\r\n" + END),
        (HEADER, b"--XX\r\nX: " + b"long" * 5000 + b"\r\n\r\n" + END),
        (HEADER, b"--XX\r\n" + b"X: y\r\n" * 100 + b"\r\n" + END),
        (HEADER, (TEXT + b"x\r\n") * 100 + END),
        (HEADER, TEXT + b"x" * 5000 + END),
    ],
)
def test_an_invalid_form_is_rejected(header: str, body: bytes) -> None:
    with pytest.raises(InvalidArgument, match="^invalid form: "):
        parts_of(body, header=header, limit=10_000)


def test_a_photo_above_the_limit_is_rejected_before_it_is_complete() -> None:
    arrived = []

    async def body() -> AsyncIterator[bytes]:
        yield PHOTO
        for number in range(1000):
            arrived.append(number)
            yield b"x" * 100

    with pytest.raises(ImageTooLarge) as caught:
        asyncio.run(read_parts(HEADER, body(), file_fields=FILE_FIELDS, max_file_bytes=1000))

    assert caught.value.field == "a"
    assert len(arrived) == 11


def test_a_photo_of_exactly_the_limit_is_accepted() -> None:
    assert len(parts_of(PHOTO + b"x" * 1000 + END)[0].data) == 1000


def test_a_field_name_that_is_not_utf8_is_accepted() -> None:
    (part,) = parts_of(PHOTO.replace(b'"a"', b'"\xff\xfe"') + b"x" + END)
    assert (part.name, bytes(part.data)) == ("\ufffd\ufffd", b"x")


def test_a_file_without_a_file_name_may_be_larger_than_a_text() -> None:
    start = b'--XX\r\nContent-Disposition: form-data; name="image"\r\n\r\n'
    photo = bytes(range(256)) * 30
    assert parts_of(start + photo + END, limit=10_000) == [Part("image", None, bytearray(photo))]
