"""Images in base64, in every form that clients send."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.http.forms import MAX_IMAGE_BYTES, from_base64
from faceage_core.errors import ImageTooLarge, InvalidArgument, UnreadableImage


@given(st.binary())
def test_base64_is_decoded_in_every_common_form(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    lines = base64.encodebytes(data).decode()
    url_safe = base64.urlsafe_b64encode(data).decode()
    for sent in (text, lines, url_safe, text.rstrip("="), f"data:image/jpeg;base64,{text}"):
        assert from_base64(sent, "image_1") == data


@pytest.mark.parametrize("value", ["&&&&", "a", "abcde", "é", "http://host/a.jpg"])
def test_invalid_base64_is_rejected(value: str) -> None:
    with pytest.raises(UnreadableImage) as caught:
        from_base64(value, "image_2")
    assert caught.value.field == "image_2"


@pytest.mark.parametrize("value", [None, 1, True, [], {}, ["YQ=="]])
def test_a_photo_in_json_must_be_a_string(value: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        from_base64(value, "image_1")
    assert caught.value.field == "image_1"


def test_a_photo_in_base64_has_the_same_size_limit() -> None:
    at_limit = base64.encodebytes(bytes(MAX_IMAGE_BYTES)).decode()
    assert len(from_base64(at_limit, "image_1")) == MAX_IMAGE_BYTES
    with pytest.raises(ImageTooLarge) as caught:
        from_base64(base64.b64encode(bytes(MAX_IMAGE_BYTES + 1)).decode(), "image_1")
    assert caught.value.field == "image_1"
