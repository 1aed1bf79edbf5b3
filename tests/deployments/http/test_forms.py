"""Requests of every kind to an application that only records them."""

import base64
import gzip
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.http.app import Service, create_app
from deployments.limits import MAX_REQUEST_BYTES
from faceage_core.errors import NoFace
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.graph import CompareRequest, FacesRequest, ImageFile
from faceage_core.pipeline.options import CompareOptions
from tests.deployments.conftest import Client

ONE, TWO = b"photo 1 \r\n--", b"photo \xff\x00 2"
FILES = {"image_1": ("one.jpg", ONE), "image_2": ("two.jpg", TWO)}
AS_JSON = {"content-type": "application/json"}
JSON = {"image_1": base64.b64encode(ONE).decode(), "image_2": base64.b64encode(TWO).decode()}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


class RecordingService:
    """A service that records its last request and raises an error that nothing else raises."""

    bundle = resolve(ModelOptions())

    def __init__(self) -> None:
        self.request: Any = None

    async def compare(self, request: CompareRequest, request_id: str) -> Any:
        self.request = request
        raise NoFace("reached")

    async def faces(self, request: FacesRequest, request_id: str) -> Any:
        self.request = request
        raise NoFace("reached")

    async def ready(self) -> bool:
        return True


SERVICE = RecordingService()
CLIENT = Client(create_app(SERVICE))


def received(url: str = "/v1/compare", **request: Any) -> Any:
    """The request that reached the service."""
    SERVICE.request = None
    response = CLIENT.post(url, **request)
    assert response.json()["code"] == "no_face", response.text
    return SERVICE.request


def rejected(
    status: int, code: str, url: str = "/v1/compare", *, method: str = "POST", **request: Any
) -> dict[str, str]:
    """Send a request that must be rejected; check the error response and return its body."""
    SERVICE.request = None
    response = CLIENT.request(method, url, **request)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    return checked_error(response)


def checked_error(response: httpx.Response) -> dict[str, str]:
    answer: dict[str, str] = response.json()
    assert SERVICE.request is None
    assert response.headers["content-type"] == "application/json"
    assert set(answer) - {"field"} == {"code", "message", "request_id"}
    assert all(isinstance(value, str) and value for value in answer.values())
    assert len(answer["message"]) < 400
    assert "Traceback" not in response.text
    assert "/main/" not in response.text
    return answer


def json_body(**changes: Any) -> dict[str, Any]:
    return {
        "content": json.dumps({**JSON, **changes}),
        "headers": {"content-type": "application/json"},
    }


def raw_json(body: bytes | str) -> dict[str, Any]:
    return {"content": body, "headers": {"content-type": "application/json"}}


def test_a_form_becomes_a_comparison() -> None:
    options = {"faces": "all", "threshold": "0.25"}

    request = received(files=FILES, data=options)

    one, two = ImageFile("one.jpg", ONE), ImageFile("two.jpg", TWO)
    assert request == CompareRequest(one, two, CompareOptions(faces="all", threshold=0.25))


def test_json_becomes_the_same_comparison() -> None:
    request = received(**json_body(faces="all", threshold=0.25))

    one, two = ImageFile("image_1", ONE), ImageFile("image_2", TWO)
    assert request == CompareRequest(one, two, CompareOptions(faces="all", threshold=0.25))


def test_options_may_be_in_the_query() -> None:
    request = received("/v1/compare?threshold=-0.5&faces=center", files=FILES)
    assert request.options == CompareOptions(threshold=-0.5, faces="center")


@pytest.mark.parametrize(
    "request_",
    [
        {"url": "/v1/compare?include=photos,landmarks", "files": FILES},
        {"url": "/v1/compare?include=photos&include=landmarks", "files": FILES},
        {"url": "/v1/compare?include=photos", "files": FILES, "data": {"include": "landmarks"}},
        {"files": FILES, "data": {"include": ["photos", "landmarks"]}},
        {"files": FILES, "data": {"include": "landmarks, photos"}},
        {"content": json.dumps({**JSON, "include": ["photos", "landmarks"]}), "headers": AS_JSON},
        {"content": json.dumps({**JSON, "include": "photos,landmarks"}), "headers": AS_JSON},
        {
            "url": "/v1/compare?include=landmarks",
            "content": json.dumps({**JSON, "include": ["photos"]}),
            "headers": AS_JSON,
        },
    ],
)
def test_fields_to_include_are_repeated_or_separated_by_commas(request_: dict[str, Any]) -> None:
    assert received(**request_).options.include == {"photos", "landmarks"}


@pytest.mark.parametrize("include", [["photos", "nose"], [["photos"]], {"photos": 1}, 3])
def test_an_unknown_field_to_include_is_rejected(include: object) -> None:
    answer = rejected(422, "invalid_argument", **json_body(include=include))
    assert answer["field"] == "include"
    assert "age_distribution, landmarks, photos" in answer["message"]


def test_one_photo_is_read_from_a_form_and_from_json() -> None:
    assert received("/v1/faces", files={"image": ("a.jpg", ONE)}) == FacesRequest(
        ImageFile("a.jpg", ONE)
    )
    assert received("/v1/faces", json={"image": JSON["image_1"]}) == FacesRequest(
        ImageFile("image", ONE)
    )


def test_a_content_type_may_have_parameters() -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert received(content=json.dumps(JSON), headers=headers).image_1.data == ONE


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("plain.jpg", "plain.jpg"),
        ("C:\\Users\\me\\face.jpg", "face.jpg"),
        ("../../etc/passwd", "passwd"),
        ("Grüße 名.jpg", "Grüße 名.jpg"),
        ("a\x07\u202eb.jpg", "ab.jpg"),
        ("x" * 500, "x" * 128),
        ("dir/", "image"),
        ("", "image"),
    ],
)
def test_only_the_last_part_of_a_file_name_is_kept(sent: str, name: str) -> None:
    form = (
        b'--XX\r\nContent-Disposition: form-data; name="image"; filename="'
        + sent.encode()
        + b'"\r\n\r\n\x01\r\n--XX--\r\n'
    )
    headers = {"content-type": "multipart/form-data; boundary=XX"}
    assert received("/v1/faces", content=form, headers=headers).image == ImageFile(name, b"\x01")


@pytest.mark.parametrize("missing", ["image_1", "image_2"])
def test_a_missing_photo_is_named(missing: str) -> None:
    kept = "image_2" if missing == "image_1" else "image_1"
    for request in (
        {"files": {kept: FILES[kept]}},
        raw_json(json.dumps({kept: JSON[kept]})),
    ):
        assert rejected(422, "invalid_argument", **request)["field"] == missing


@pytest.mark.parametrize("photo", [ONE, ONE * 1000], ids=["small", "large"])
def test_a_photo_may_be_sent_without_a_file_name(photo: bytes) -> None:
    request = received(files={"image_1": (None, photo), "image_2": ("two.jpg", TWO)})
    assert request.image_1 == ImageFile("image_1", photo)


@pytest.mark.parametrize("scheme", ["data:", "DATA:"])
def test_a_photo_may_be_a_data_url_in_a_form_and_in_json(scheme: str) -> None:
    url = f"{scheme}image/jpeg;base64,{base64.b64encode(ONE).decode()}"
    assert received(files=FILES | {"image_1": (None, url)}).image_1.data == ONE
    assert received(**json_body(image_1=url)).image_1.data == ONE


def test_an_invalid_data_url_in_a_form_names_its_field() -> None:
    answer = rejected(422, "unreadable_image", files=FILES | {"image_2": (None, "data:,&&&")})
    assert answer["field"] == "image_2"


def test_a_compressed_body_is_rejected_by_its_encoding() -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = rejected(415, "unsupported_format", content=gzip.compress(b"{}"), headers=headers)
    assert answer["field"] == "content-encoding"


def test_a_photo_in_the_query_is_rejected() -> None:
    answer = rejected(422, "invalid_argument", "/v1/compare?image_1=x", files=FILES)
    assert answer["field"] == "image_1"


@pytest.mark.parametrize(
    "request_",
    [
        {"url": "/v1/compare?threshold=0.1", "files": FILES, "data": {"threshold": "0.1"}},
        {"url": "/v1/compare?threshold=0.1&threshold=0.1", "files": FILES},
        {"url": "/v1/compare?threshold=0.1", **json_body(threshold=0.1)},
        {"files": FILES, "data": {"threshold": ["0.1", "0.2"]}},
        raw_json(json.dumps(JSON)[:-1] + ', "threshold": 0.1, "threshold": 0.2}'),
    ],
)
def test_a_field_given_twice_is_rejected(request_: dict[str, Any]) -> None:
    assert rejected(422, "invalid_argument", **request_)["field"] == "threshold"


def test_a_photo_given_twice_is_rejected() -> None:
    files = [("image_1", ONE), ("image_1", ONE), ("image_2", TWO)]
    assert rejected(422, "invalid_argument", files=files)["field"] == "image_1"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Threshold", "Threshold"),
        ("x" * 500, "x" * 64),
        ("a\ud800b\n", "ab"),
        ("名", "名"),
        ("", "(no name)"),
    ],
)
def test_an_unknown_field_is_named_without_control_characters(name: str, shown: str) -> None:
    answer = rejected(422, "invalid_argument", **json_body(**{name: 1}))
    assert answer["field"] == shown
    assert "image_1, image_2, faces, threshold, operating_point, include" in answer["message"]


@pytest.mark.parametrize("url", ["/v1/compare", "/v1/faces"])
@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "image/jpeg", "application/x-www-form-urlencoded", "x" * 1000, "\xff;"]
    + ["multipart/mixed; boundary=XX", "application/jsonp"],
)
def test_a_body_of_another_content_type_is_rejected(url: str, content_type: str | None) -> None:
    headers = {} if content_type is None else {"content-type": content_type.encode("latin-1")}
    rejected(415, "unsupported_format", url, content=b"body", headers=headers)


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"null", b"1", b'"text"', b"[]", b"{", b'{"a"}', b"\xff\xfe\xfd", b"[" * 100_000]
    + [b'{"image_1": ' * 5000, b'{"threshold": ' + b"1" * 5000 + b"}"],
)
def test_a_body_that_is_not_a_json_object_is_rejected(body: bytes) -> None:
    rejected(422, "invalid_argument", **raw_json(body))


@pytest.mark.parametrize("depth", [10, 300, 900, 950, 980, 990])
@pytest.mark.parametrize("brackets", ["[]", ('{"a":', "}")])
def test_deeply_nested_json_is_rejected(depth: int, brackets: tuple[str, str]) -> None:
    nested = brackets[0] * depth + "1" + brackets[1] * depth
    body = json.dumps(JSON)[:-1] + f', "threshold": {nested}}}'
    rejected(422, "invalid_argument", **raw_json(body))


@pytest.mark.parametrize(
    "value", ["NaN", "Infinity", "-Infinity", "1e400", "-1.5", "1" + "0" * 400]
)
def test_invalid_numbers_are_rejected(value: str) -> None:
    body = json.dumps(JSON)[:-1] + f', "threshold": {value}}}'
    assert rejected(422, "invalid_argument", **raw_json(body))["field"] == "threshold"


@pytest.mark.parametrize(
    ("field", "value"),
    [("faces", "None"), ("threshold", "false"), ("threshold", "nan"), ("threshold", "1.01")]
    + [("threshold", "\udcff")],
)
def test_an_invalid_option_of_a_form_is_named(field: str, value: str) -> None:
    form = {field: (None, value.encode("utf-8", "surrogateescape"))}
    assert rejected(422, "invalid_argument", files=FILES | form)["field"] == field


@pytest.mark.parametrize("field", ["faces", "threshold", "operating_point", "include"])
def test_null_and_empty_mean_absent(field: str) -> None:
    assert received(**json_body(**{field: None})).options == CompareOptions()
    assert received(files=FILES, data={field: ""}).options == CompareOptions()


def test_a_photo_cannot_be_null() -> None:
    assert rejected(422, "invalid_argument", **json_body(image_1=None))["field"] == "image_1"


@given(
    st.dictionaries(
        st.sampled_from(["faces", "threshold", "operating_point", "include", "image_1"])
        | st.text(),
        ANYTHING,
        max_size=3,
    )
)
def test_any_json_is_accepted_or_gets_a_structured_error(changes: dict[str, Any]) -> None:
    SERVICE.request = None
    response = CLIENT.post("/v1/compare", **json_body(**changes))

    if SERVICE.request is None:
        assert response.status_code in (413, 415, 422)
        checked_error(response)
    else:
        request = SERVICE.request
        assert set(changes) <= {"faces", "threshold", "operating_point", "include", "image_1"}
        assert request.options.faces == (changes.get("faces") or "largest")
        assert request.options.threshold is None or -1 <= request.options.threshold <= 1


@given(st.binary(max_size=300))
def test_any_invalid_form_gets_a_structured_error(body: bytes) -> None:
    headers = {"content-type": "multipart/form-data; boundary=XX"}
    rejected(422, "invalid_argument", content=b"--XX\r\n" + body, headers=headers)


@pytest.mark.parametrize("field", ["image_1", "image_2"])
def test_a_photo_above_the_size_limit_is_named(field: str) -> None:
    photo = bytes(15 * 1024 * 1024 + 1)
    answer = rejected(413, "image_too_large", files=FILES | {field: ("a.jpg", photo)})
    assert answer["field"] == field
    encoded = {field: base64.b64encode(photo).decode()}
    assert rejected(413, "image_too_large", **json_body(**encoded))["field"] == field


def test_photos_just_below_the_limit_are_accepted() -> None:
    photo = bytes(15 * 1024 * 1024 - 1000)
    assert len(received(files={"image_1": photo, "image_2": photo}).image_2.data) == len(photo)


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=XX"])
def test_a_request_above_the_limit_is_rejected_during_the_upload(kind: str) -> None:
    sent = 0
    start = b'--XX\r\nContent-Disposition: form-data; name="t"; filename="f"\r\n\r\n'

    async def endless() -> Any:
        nonlocal sent
        while True:
            # Each part is below the limit of a photo; only the whole request is too large.
            chunk = start + bytes(4 * 1024 * 1024) + b"\r\n"
            sent += len(chunk)
            yield chunk

    rejected(413, "request_too_large", content=endless(), headers={"content-type": kind})
    assert MAX_REQUEST_BYTES < sent < MAX_REQUEST_BYTES + 9_000_000


def test_a_content_length_above_the_limit_is_rejected_immediately() -> None:
    headers = {"content-type": "application/json", "content-length": str(MAX_REQUEST_BYTES + 1)}
    rejected(413, "request_too_large", content=b"{}", headers=headers)


def test_nothing_is_written_to_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a file was created")

    monkeypatch.setattr("tempfile.TemporaryFile", forbidden)
    monkeypatch.setattr("tempfile.SpooledTemporaryFile", forbidden)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", forbidden)
    photo = bytes(8 * 1024 * 1024)
    assert received(files={"image_1": photo, "image_2": photo}).image_1.data == photo


def test_the_application_accepts_any_service(client_of: Callable[[Service], Client]) -> None:
    assert client_of(SERVICE).get("/healthz").json() == {"status": "ok"}
