"""Options from forms, JSON and keyword arguments: what is accepted, and what an error names."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceage_core.errors import InvalidArgument
from faceage_core.pipeline.options import (
    CompareOptions,
    FacesOptions,
    RequestOptions,
    option_schema,
    parse_options,
)

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
ANYTHING = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def parsed(**options: Any) -> CompareOptions:
    return parse_options(CompareOptions, options)


def test_without_options_the_defaults_apply() -> None:
    options = parsed()
    assert (options.faces, options.threshold, options.operating_point) == ("largest", None, None)


@pytest.mark.parametrize("field", ["faces", "threshold", "operating_point"])
@pytest.mark.parametrize("absent", [None, ""])
def test_null_and_empty_mean_absent(field: str, absent: object) -> None:
    assert parsed(**{field: absent}) == CompareOptions()


def test_an_explicit_threshold_excludes_an_operating_point() -> None:
    with pytest.raises(InvalidArgument, match="mutually exclusive") as caught:
        parsed(threshold=0.5, operating_point="fmr_1e-3")
    assert caught.value.field == "threshold"


@pytest.mark.parametrize("kind", [CompareOptions, FacesOptions])
def test_an_unknown_option_is_named(kind: type[RequestOptions]) -> None:
    with pytest.raises(InvalidArgument, match="^treshold is not an option") as caught:
        parse_options(kind, {"treshold": 1})
    assert caught.value.field == "treshold"


def test_the_schema_has_the_range_and_no_null() -> None:
    schema = option_schema(CompareOptions, "threshold")
    assert (schema["type"], schema["minimum"], schema["maximum"]) == ("number", -1, 1)
    assert "default" not in schema
    assert option_schema(CompareOptions, "faces")["enum"] == ["largest", "center", "all"]
    names = option_schema(CompareOptions, "include")
    assert (names["type"], names["default"]) == ("array", [])
    assert names["items"]["enum"] == ["age_distribution", "landmarks", "photos"]


@given(ANYTHING)
def test_a_threshold_is_a_number_in_range_or_rejected(value: Any) -> None:
    try:
        threshold = parsed(threshold=value).threshold
    except InvalidArgument as error:
        assert error.field == "threshold"
        json.dumps(error.message, ensure_ascii=False).encode()  # it is valid UTF-8
        assert len(error.message) < 200
    else:
        if value in (None, ""):
            assert threshold is None
            return
        assert threshold is not None
        assert threshold == float(value)
        assert -1 <= threshold <= 1
        assert not isinstance(value, bool)


@pytest.mark.parametrize(
    "value",
    ["photos,landmarks", " landmarks , photos,,", ["photos", "landmarks"], ("landmarks", "photos")]
    + [frozenset({"photos", "landmarks"}), ["photos,landmarks", "photos"]],
)
def test_names_to_include_are_a_list_or_separated_by_commas(value: Any) -> None:
    assert parsed(include=value).include == {"photos", "landmarks"}


@pytest.mark.parametrize("value", [None, "", ",", [], [""]])
def test_nothing_is_included_without_a_name(value: Any) -> None:
    assert parsed(include=value).include == set()
    assert parse_options(FacesOptions, {"include": value}).include == set()


@pytest.mark.parametrize(
    "value",
    ["nose", "photos,nose", "photos landmarks", "Photos", True, 3, {"photos": 1}, [["photos"]]]
    + [["photos", None], b"photos", "photos," * 100, ["nose"] * 1_000_000],
    ids=lambda value: repr(value)[:20],
)
def test_an_unknown_name_is_rejected_with_the_allowed_names(value: Any) -> None:
    allowed = "include must be any of age_distribution, landmarks, photos, got "
    with pytest.raises(InvalidArgument, match=f"^{allowed}") as caught:
        parsed(include=value)
    assert caught.value.field == "include"
    assert len(caught.value.message) < 200


def test_all_faces_of_one_image_include_no_photos() -> None:
    with pytest.raises(InvalidArgument, match="any of age_distribution, landmarks, got 'photos'"):
        parse_options(FacesOptions, {"include": "photos"})


@given(st.floats(-1, 1))
def test_every_number_in_range_is_accepted_as_number_and_as_text(value: float) -> None:
    assert parsed(threshold=value).threshold == value
    assert parsed(threshold=repr(value)).threshold == value


@pytest.mark.parametrize(
    "value",
    [" ", "nan", "inf", "-inf", "1e400", "1.0001", "-1.01", "false", "True", "None", "0,5"]
    + ["0x1", "1_0", "--1", "half", "\ud800", True, False, [], {}, [0.5], 2, 10**4000]
    + [float("nan"), float("inf"), float("-inf"), b"photo"],
)
def test_an_invalid_threshold_is_rejected(value: Any) -> None:
    with pytest.raises(InvalidArgument, match="from -1 to 1") as caught:
        parsed(threshold=value)
    assert caught.value.field == "threshold"


@pytest.mark.parametrize("value", ["None", "null", "ALL", "largest ", True, 0, [], ["all"]])
def test_an_invalid_choice_of_faces_is_rejected_with_the_allowed_values(value: Any) -> None:
    with pytest.raises(InvalidArgument, match="largest, center, all") as caught:
        parsed(faces=value)
    assert caught.value.field == "faces"


@pytest.mark.parametrize("value", [True, 3, [], {}, "x" * 65])
def test_an_operating_point_must_be_a_short_string(value: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parsed(operating_point=value)
    assert caught.value.field == "operating_point"


def test_a_nested_value_is_not_shown() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(InvalidArgument, match="got an array, an object or a file"):
        parsed(threshold=nested)
