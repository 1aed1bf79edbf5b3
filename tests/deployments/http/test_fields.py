import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.http.fields import MAX_PHOTO_BYTES, compare_request, from_base64
from faceage_core.errors import ImageTooLarge, InvalidArgument, UnreadableImage
from faceage_core.pipeline.graph import CompareRequest, Upload

PHOTOS = {"image_1": Upload("a", b"a"), "image_2": Upload("b", b"b")}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def asked(**options: Any) -> CompareRequest:
    return compare_request({**PHOTOS, **options})


def test_without_options_the_defaults_apply() -> None:
    assert asked() == CompareRequest(PHOTOS["image_1"], PHOTOS["image_2"], "largest", None, None)


@pytest.mark.parametrize("name", ["image_1", "image_2"])
def test_a_missing_photo_is_named(name: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        compare_request({key: value for key, value in PHOTOS.items() if key != name})
    assert caught.value.field == name


@given(ANYTHING)
def test_a_threshold_is_a_number_in_range_or_refused(value: Any) -> None:
    try:
        threshold = asked(threshold=value).threshold
    except InvalidArgument as error:
        assert error.field == "threshold"
        json.dumps(error.message, ensure_ascii=False).encode()  # it can be sent
        assert len(error.message) < 200
    else:
        assert threshold == float(value)
        assert -1 <= threshold <= 1
        assert not isinstance(value, bool)


@given(st.floats(-1, 1))
def test_every_number_in_range_is_a_threshold_as_number_and_as_text(value: float) -> None:
    assert asked(threshold=value).threshold == value
    assert asked(threshold=repr(value)).threshold == value


@pytest.mark.parametrize(
    "value",
    ["", " ", "nan", "inf", "-inf", "1e400", "1.0001", "-1.01", "false", "True", "None", "0,5"]
    + ["0x1", "1_0", "--1", "half", "\ud800", True, False, None, [], {}, [0.5], 2, 10**4000]
    + [float("nan"), float("inf"), float("-inf"), PHOTOS["image_1"]],
)
def test_what_is_no_threshold_is_refused(value: Any) -> None:
    with pytest.raises(InvalidArgument, match="from -1 to 1") as caught:
        asked(threshold=value)
    assert caught.value.field == "threshold"


@pytest.mark.parametrize(
    "value", ["", "None", "null", "ALL", "largest ", None, True, 0, [], ["all"]]
)
def test_what_is_no_choice_of_faces_is_refused_with_what_is(value: Any) -> None:
    with pytest.raises(InvalidArgument, match="largest, center, all") as caught:
        asked(faces=value)
    assert caught.value.field == "faces"


@pytest.mark.parametrize("value", [None, True, 3, [], {}])
def test_an_operating_point_is_a_name(value: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        asked(operating_point=value)
    assert caught.value.field == "operating_point"


def test_a_value_is_not_shown_whatever_it_nests() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(InvalidArgument, match="got an array or an object"):
        asked(threshold=nested)


@given(st.binary())
def test_base64_is_read_in_all_the_forms_it_is_sent_in(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    lines = base64.encodebytes(data).decode()
    url_safe = base64.urlsafe_b64encode(data).decode()
    for sent in (text, lines, url_safe, text.rstrip("="), f"data:image/jpeg;base64,{text}"):
        assert from_base64(sent, "image_1") == data


@pytest.mark.parametrize("value", ["&&&&", "a", "abcde", "é", "http://host/a.jpg"])
def test_what_is_no_base64_is_refused(value: str) -> None:
    with pytest.raises(UnreadableImage) as caught:
        from_base64(value, "image_2")
    assert caught.value.field == "image_2"


@pytest.mark.parametrize("value", [None, 1, True, [], {}, ["YQ=="]])
def test_a_photo_in_json_is_text(value: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        from_base64(value, "image_1")
    assert caught.value.field == "image_1"


def test_a_photo_in_base64_has_the_limit_of_every_photo() -> None:
    at_limit = base64.encodebytes(bytes(MAX_PHOTO_BYTES)).decode()
    assert len(from_base64(at_limit, "image_1")) == MAX_PHOTO_BYTES
    with pytest.raises(ImageTooLarge) as caught:
        from_base64(base64.b64encode(bytes(MAX_PHOTO_BYTES + 1)).decode(), "image_1")
    assert caught.value.field == "image_1"
