"""The routes with the real graph, and error responses with failing services."""

import asyncio
import logging
from collections.abc import Callable
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from deployments.http.app import Service
from faceage_core.errors import Overloaded, Unavailable, WeightsMismatch
from faceage_core.models.bundles import resolve
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline import Pipeline
from faceage_core.pipeline.graph import CompareRequest, FacesRequest
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer
from tests.deployments.conftest import Client, encoded


class FailingService:
    """A service that always raises the same error."""

    bundle = resolve(ModelOptions())

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def compare(self, request: CompareRequest, request_id: str) -> CompareAnswer:
        raise self._error

    async def faces(self, request: FacesRequest, request_id: str) -> FacesAnswer:
        raise self._error

    async def ready(self) -> bool:
        return False


def pair(one: bytes, two: bytes) -> dict[str, tuple[str, bytes]]:
    return {"image_1": ("one.jpg", one), "image_2": ("two.jpg", two)}


@pytest.fixture
def same_person(samples: dict[str, bytes]) -> dict[str, tuple[str, bytes]]:
    return pair(samples["obama_2009.jpg"], samples["obama_2012.jpg"])


def test_a_comparison_equals_the_library_s_answer(
    client: Client,
    pipeline: Pipeline,
    samples: dict[str, bytes],
    same_person: dict[str, tuple[str, bytes]],
) -> None:
    response = client.post("/v1/compare", files=same_person, headers={"X-Request-ID": "mine"})

    answer = CompareAnswer.model_validate_json(response.content)
    expected = pipeline.compare(
        samples["obama_2009.jpg"], samples["obama_2012.jpg"], names=("one.jpg", "two.jpg")
    )
    assert answer == expected.model_copy(update={"request_id": "mine"})
    assert answer.verification.is_match


def test_without_an_id_each_request_gets_its_own(
    client: Client, same_person: dict[str, tuple[str, bytes]]
) -> None:
    ids = {client.post("/v1/compare").json()["request_id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize(("accept", "kind"), [("image/jpeg", "jpeg"), ("*/*", "json")])
def test_the_accept_header_chooses_between_picture_and_json(
    client: Client, same_person: dict[str, tuple[str, bytes]], accept: str, kind: str
) -> None:
    response = client.post("/v1/compare", files=same_person, headers={"Accept": accept})

    assert response.status_code == 200
    if kind == "json":
        assert response.headers["content-type"] == "application/json"
        CompareAnswer.model_validate_json(response.content)
    else:
        assert response.headers["content-type"] == "image/jpeg"
        with Image.open(BytesIO(response.content)) as picture:
            picture.load()
            assert picture.format == "JPEG"
            assert min(picture.size) > 200


def test_an_error_is_json_even_if_a_picture_is_requested(client: Client, plain: bytes) -> None:
    response = client.post(
        "/v1/compare", files=pair(plain, plain), headers={"Accept": "image/jpeg"}
    )
    assert (response.status_code, response.json()["code"]) == (422, "no_face")


def test_the_same_photo_twice_is_the_same_person(client: Client, samples: dict[str, bytes]) -> None:
    photo = samples["collins.png"]
    answer = client.post("/v1/compare", files=pair(photo, photo)).json()

    assert answer["verification"]["similarity_score"] == 1.0
    assert answer["face_1"] == answer["face_2"]


def noise(height: int, width: int) -> bytes:
    return encoded(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def black(height: int, width: int) -> bytes:
    return encoded(np.zeros((height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    "photo",
    [black(1, 1), black(12, 12), black(11, 400), noise(1, 1), noise(12, 12), noise(300, 300)]
    + [black(10, 20000), black(500, 500)],
    ids=["1x1", "12x12", "400x11", "noise1x1", "noise12x12", "noise", "20000x10", "black"],
)
@pytest.mark.parametrize("field", ["image_1", "image_2"])
def test_a_photo_without_content_has_no_face(
    client: Client, samples: dict[str, bytes], photo: bytes, field: str
) -> None:
    face = samples["hopper_1984.jpg"]
    files = pair(photo, face) if field == "image_1" else pair(face, photo)

    response = client.post("/v1/compare", files=files)

    assert (response.status_code, response.json()["code"]) == (422, "no_face")
    assert response.json()["field"] == field
    alone = client.post("/v1/faces", files={"image": photo})
    assert (alone.status_code, alone.json()["image"]["faces"]) == (200, [])


def unreadable(samples: dict[str, bytes]) -> dict[str, tuple[bytes, int, str]]:
    jpeg = samples["hopper_1984.jpg"]
    return {
        "text": (b"no picture at all", 422, "unreadable_image"),
        "empty": (b"", 422, "unreadable_image"),
        "truncated": (jpeg[: len(jpeg) // 2], 422, "unreadable_image"),
        "header only": (jpeg[:100], 422, "unreadable_image"),
        "pdf": (b"%PDF-1.7\n" + bytes(100), 415, "unsupported_format"),
        "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_format"),
        "too many pixels": (bomb(), 413, "image_too_large"),
    }


def bomb() -> bytes:
    """A small file with 49 megapixels."""
    file = BytesIO()
    Image.new("1", (7000, 7000)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    "case", ["text", "empty", "truncated", "header only", "pdf", "svg", "too many pixels"]
)
def test_a_photo_that_cannot_be_used_is_named(
    client: Client, samples: dict[str, bytes], case: str
) -> None:
    data, status, code = unreadable(samples)[case]

    responses = {
        "image_2": client.post("/v1/compare", files=pair(samples["hopper_1984.jpg"], data)),
        "image_1": client.post("/v1/compare", files=pair(data, samples["hopper_1984.jpg"])),
        "image": client.post("/v1/faces", files={"image": ("a.jpg", data)}),
    }

    for field, response in responses.items():
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert response.json()["field"] == field


def test_many_faces_are_all_in_the_answer(client: Client, samples: dict[str, bytes]) -> None:
    with Image.open(BytesIO(samples["hopper_1984.jpg"])) as photo:
        face = photo.convert("RGB").resize((160, 200))
    crowd = encoded(np.tile(np.asarray(face), (5, 8, 1)))

    options = {"faces": "all", "include": "photos"}
    response = client.post("/v1/compare", files=pair(crowd, crowd), data=options)

    matching = response.json()["matching"]
    faces = response.json()["photos"]["image_1"]["faces"]
    assert len(faces) >= 40
    assert len(matching["similarity_matrix"]) == len(faces) == len(matching["assignment"])


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Overloaded(), 503, "overloaded"),
        (Unavailable(), 503, "unavailable"),
        (TimeoutError(), 504, "timeout"),
        (WeightsMismatch("/srv/models/secret.pt"), 500, "internal_error"),
        (ValueError("/srv/models/secret.pt"), 500, "internal_error"),
    ],
)
@pytest.mark.parametrize("url", ["/v1/compare", "/v1/faces"])
def test_a_failure_is_structured_and_discloses_nothing(
    client_of: Callable[[Service], Client], error: Exception, status: int, code: str, url: str
) -> None:
    files = {"image": b"x"} if url == "/v1/faces" else {"image_1": b"x", "image_2": b"x"}

    response = client_of(FailingService(error)).post(
        url, files=files, headers={"X-Request-ID": "mine"}
    )

    assert response.status_code == status
    assert response.json()["code"] == code
    assert response.json()["request_id"] == "mine"
    assert "secret" not in response.text
    assert ("retry-after" in response.headers) == (status == 503)


def test_a_client_that_disconnects_during_the_upload_is_not_logged(
    client_of: Callable[[Service], Client], caplog: pytest.LogCaptureFixture
) -> None:
    from deployments.http.app import create_app

    app = create_app(FailingService(AssertionError("not called")))
    messages = iter(
        [
            {"type": "http.request", "body": b'{"image_1"', "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    sent = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/compare",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    with caplog.at_level(logging.INFO):
        asyncio.run(app(scope, receive, send))

    assert sent[0]["status"] == 499
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("method", "url", "status", "code"),
    [
        ("GET", "/v1/compare", 405, "method_not_allowed"),
        ("PUT", "/v1/compare", 405, "method_not_allowed"),
        ("DELETE", "/v1/faces", 405, "method_not_allowed"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
        ("POST", "/v1/compare/", 404, "not_found"),
        ("GET", "/v1/models/", 404, "not_found"),
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1/../../etc/passwd", 404, "not_found"),
        ("GET", "/%00%ff", 404, "not_found"),
        ("OPTIONS", "/v1/compare", 405, "method_not_allowed"),
        ("BREW", "/v1/compare", 405, "method_not_allowed"),
    ],
)
def test_wrong_addresses_and_methods_get_structured_errors(
    client: Client, method: str, url: str, status: int, code: str
) -> None:
    response = client.request(method, url)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert set(response.json()) == {"code", "message", "request_id"}
    assert ("allow" in response.headers) == (status == 405)


def test_the_models_are_described_by_their_cards(client: Client) -> None:
    models = client.get("/v1/models").json()

    bundle = resolve(ModelOptions())
    assert models["bundle"] == "bundled"
    for role in ("detector", "age", "gender", "identity"):
        assert models[role] == getattr(bundle, role).model_dump(mode="json")


def test_health_and_readiness_differ(
    client: Client, client_of: Callable[[Service], Client]
) -> None:
    unready = client_of(FailingService(ValueError()))

    assert (client.get("/healthz").status_code, client.get("/readyz").status_code) == (200, 200)
    assert unready.get("/healthz").json() == {"status": "ok"}
    response = unready.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"status": "not ready"})


@pytest.mark.parametrize("url", ["/healthz", "/readyz"])
def test_a_probe_may_use_head(client: Client, url: str) -> None:
    response = client.request("HEAD", url)
    assert (response.status_code, response.content) == (200, b"")


def test_the_root_redirects_to_the_documentation(client: Client) -> None:
    response = client.get("/")
    assert (response.status_code, response.headers["location"]) == (307, "docs")
    assert client.get("/docs").status_code == 200


def test_the_openapi_document_describes_bodies_and_errors(client: Client) -> None:
    document = client.get("/openapi.json").json()

    assert set(document["paths"]) == {
        "/v1/compare",
        "/v1/faces",
        "/v1/models",
        "/healthz",
        "/readyz",
    }
    compare = document["paths"]["/v1/compare"]["post"]
    for kind in ("multipart/form-data", "application/json"):
        body = compare["requestBody"]["content"][kind]["schema"]
        assert body["required"] == ["image_1", "image_2"]
        assert set(body["properties"]) == {
            "image_1",
            "image_2",
            "faces",
            "threshold",
            "operating_point",
            "include",
        }
    assert set(compare["responses"]) == {"200", "408", "413", "415", "422", "503", "504"}
    assert set(compare["responses"]["200"]["content"]) == {"application/json", "image/jpeg"}


def test_the_openapi_document_lists_the_options_as_query_parameters(client: Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]

    parameters = {one["name"]: one for one in paths["/v1/compare"]["post"]["parameters"]}
    assert set(parameters) == {"faces", "threshold", "operating_point", "include"}
    assert {one["in"] for one in parameters.values()} == {"query"}
    schema = parameters["threshold"]["schema"]
    assert (schema["type"], schema["minimum"], schema["maximum"]) == ("number", -1, 1)
    of_a_face = {"age_distribution", "landmarks"}
    for path, names in (("/v1/compare", {*of_a_face, "photos"}), ("/v1/faces", of_a_face)):
        *_, include = paths[path]["post"]["parameters"]
        assert (include["name"], include["schema"]["type"]) == ("include", "array")
        assert set(include["schema"]["items"]["enum"]) == names


def test_an_answer_matches_the_openapi_schema(
    client: Client, same_person: dict[str, tuple[str, bytes]]
) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    answer: httpx.Response = client.post("/v1/compare", files=same_person)

    assert set(answer.json()) == set(schemas["CompareAnswer"]["properties"])
    assert set(answer.json()["face_1"]) == set(schemas["FaceAnswer"]["properties"])
    assert set(client.post("/v1/compare").json()) <= set(schemas["ErrorAnswer"]["properties"])
