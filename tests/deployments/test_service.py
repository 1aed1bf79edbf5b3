"""The whole service: Ray, Serve's proxy, real sockets. All tests share one running service."""

import asyncio
import base64
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image, ImageOps

from faceage_core.pipeline import Pipeline
from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer
from tests.answers import same_answer, without_id

from .conftest import Running, encoded

pytestmark = [
    pytest.mark.serve,
    pytest.mark.timeout(240),
    # Ray's own modules, as they are imported
    pytest.mark.filterwarnings(
        "ignore:Using extra keyword arguments on `Field`:DeprecationWarning"
    ),
]

Files = dict[str, tuple[str, bytes]]
FORM = "multipart/form-data; boundary=XX"
START = b'--XX\r\nContent-Disposition: form-data; name="image_1"; filename="a.jpg"\r\n\r\n'


@pytest.fixture(scope="package")
def url(running_service: Running) -> str:
    return running_service.url


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def photos(samples: dict[str, bytes]) -> dict[str, bytes]:
    """Small photos with faces; each pair gives another answer."""
    photos_by_name = {}
    for name in ("obama_2009.jpg", "biden_2010.jpg", "hopper_1984.jpg"):
        with Image.open(BytesIO(samples[name])) as photo:
            small = ImageOps.contain(photo.convert("RGB"), (300, 300))
        photos_by_name[name] = encoded(np.asarray(small))
        photos_by_name[f"mirrored {name}"] = encoded(np.asarray(ImageOps.mirror(small)))
        photos_by_name[f"resized {name}"] = encoded(np.asarray(ImageOps.contain(small, (240, 240))))
    return photos_by_name


def pair(one: bytes, two: bytes) -> Files:
    return {"image_1": ("one.png", one), "image_2": ("two.png", two)}


def error_body(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check an error response and its one request id header; return the body."""
    answer: dict[str, Any] = response.json()
    assert (response.status_code, answer["code"]) == (status, code), response.text
    assert set(answer) - {"field"} == {"code", "message", "request_id"}
    assert response.headers.get_list("x-request-id") == [answer["request_id"]]
    return answer


def test_the_first_request_costs_no_more_than_the_others(running_service: Running) -> None:
    first, *others = running_service.requests_cpu_s
    noise_s = 0.2  # loading a network takes several times as much
    assert first <= 3 * statistics.median(others) + noise_s


def test_library_cli_and_http_give_the_same_numbers(
    http: httpx.Client,
    pipeline: Pipeline,
    samples: dict[str, bytes],
    repository: Path,
    tmp_path: Path,
) -> None:
    names = ("obama_2009.jpg", "obama_2012.jpg")
    one, two = (samples[name] for name in names)
    paths = [str(repository / "samples" / name) for name in names]

    program = [str(Path(sys.executable).with_name("faceage")), "compare", *paths]
    subprocess.run([*program, str(tmp_path), "--json"], check=True, capture_output=True)
    by_cli = json.loads((tmp_path / "obama_2009_vs_obama_2012_data.json").read_text())
    files = {"image_1": (names[0], one), "image_2": (names[1], two)}
    by_http = http.post("/v1/compare", files=files).json()
    in_json = {"image_1": base64.b64encode(one).decode(), "image_2": base64.b64encode(two).decode()}
    by_json = http.post("/v1/compare", json=in_json).json()

    by_library = pipeline.compare(one, two, names=names).model_dump(mode="json")
    assert without_id(by_http) == without_id(by_library)
    assert without_id(by_cli) == without_id(by_library)
    assert by_json["verification"] == by_library["verification"]
    assert by_library["verification"]["is_match"]


def test_two_hundred_concurrent_requests_each_get_their_own_answer(
    url: str, pipeline: Pipeline, photos: dict[str, bytes], plain: bytes
) -> None:
    names = list(photos)
    expected: dict[tuple[str, str], dict[str, Any]] = {}
    for place, name in enumerate(names):
        other = names[(place * 2 + 1) % len(names)]
        answer = pipeline.compare(photos[name], photos[other], names=(name, other))
        expected[name, other] = without_id(answer.model_dump(mode="json"))
    assert len({json.dumps(answer) for answer in expected.values()}) == len(names)
    good = photos[names[0]]
    invalid: list[tuple[dict[str, Any], int, str]] = [
        ({"files": pair(plain, good)}, 422, "no_face"),
        ({"files": pair(good, b"no picture")}, 422, "unreadable_image"),
        ({"files": pair(good, b"%PDF-1.7")}, 415, "unsupported_format"),
        ({"files": pair(good, good), "data": {"threshold": "2"}}, 422, "invalid_argument"),
        ({"files": {"image_1": good}}, 422, "invalid_argument"),
        (
            {"content": b"x" * 100, "headers": {"content-type": "text/plain"}},
            415,
            "unsupported_format",
        ),
    ]

    async def send(client: httpx.AsyncClient, number: int) -> None:
        own_id = {"X-Request-ID": f"request-{number}"}
        if number % 3 == 2:
            request, status, code = invalid[number // 3 % len(invalid)]
            request = {**request, "headers": {**request.get("headers", {}), **own_id}}
            response = await client.post("/v1/compare", **request)
            assert error_body(response, status, code)["request_id"] == own_id["X-Request-ID"]
            return
        one, two = list(expected)[number % len(expected)]
        files = {"image_1": (one, photos[one]), "image_2": (two, photos[two])}
        response = await client.post("/v1/compare", files=files, headers=own_id)
        assert response.status_code == 200, response.text
        assert response.headers.get_list("x-request-id") == [own_id["X-Request-ID"]]
        assert response.json()["request_id"] == own_id["X-Request-ID"]
        assert same_answer(response.json(), expected[one, two])

    async def send_all() -> None:
        limit = asyncio.Semaphore(16)
        async with httpx.AsyncClient(base_url=url, timeout=120, trust_env=False) as client:

            async def send_limited(number: int) -> None:
                async with limit:
                    await send(client, number)

            await asyncio.gather(*(send_limited(number) for number in range(200)))

    asyncio.run(send_all())


def test_the_annotated_picture_opens(http: httpx.Client, photos: dict[str, bytes]) -> None:
    one, two = list(photos.values())[:2]
    response = http.post("/v1/compare", files=pair(one, two), headers={"Accept": "image/jpeg"})

    assert response.headers["content-type"] == "image/jpeg"
    with Image.open(BytesIO(response.content)) as picture:
        picture.load()
        assert picture.format == "JPEG"


def test_the_faces_of_one_photo(
    http: httpx.Client, pipeline: Pipeline, photos: dict[str, bytes], plain: bytes
) -> None:
    name, photo = next(iter(photos.items()))
    answer = http.post("/v1/faces", files={"image": (name, photo)}).json()

    FacesAnswer.model_validate(answer)
    assert without_id(answer) == without_id(
        pipeline.faces(photo, name=name).model_dump(mode="json")
    )
    assert http.post("/v1/faces", files={"image": plain}).json()["image"]["faces"] == []


def test_the_service_describes_itself(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json() == {"status": "ready"}
    assert http.get("/v1/models").json()["bundle"] == "bundled"
    assert "/v1/compare" in http.get("/openapi.json").json()["paths"]
    assert "swagger" in http.get("/docs").text
    error_body(http.get("/nowhere"), 404, "not_found")
    error_body(http.put("/v1/compare"), 405, "method_not_allowed")
    head = http.head("/v1/compare")
    assert (head.status_code, head.content) == (405, b"")


@pytest.mark.parametrize("sent", [b"x" * 4000, "é".encode(), b"\xff", b"", b"a\tb"])
def test_an_invalid_request_id_is_replaced_in_header_and_body(
    http: httpx.Client, sent: bytes
) -> None:
    headers = [(b"x-request-id", sent), (b"content-type", b"text/plain")]
    answer = error_body(http.post("/v1/compare", headers=headers), 415, "unsupported_format")
    assert answer["request_id"].encode() != sent


@pytest.mark.parametrize("name", ["x-session-id", "serve_multiplexed_model_id", "user-agent"])
def test_a_header_that_is_not_utf8_is_accepted(http: httpx.Client, name: str) -> None:
    assert http.get("/healthz", headers=[(name.encode(), b"\xff\xfe")]).status_code == 200


def test_a_timeout_set_by_the_client_is_applied_and_reported(
    http: httpx.Client, plain: bytes
) -> None:
    headers = {"x-request-timeout-seconds": "0.000001"}
    response = http.post("/v1/compare", files=pair(plain, plain), headers=headers)
    error_body(response, 504, "timeout")


def _body(total_bytes: int) -> Iterator[bytes]:
    yield START
    chunk = bytes(256 * 1024)
    for _ in range(total_bytes // len(chunk)):
        yield chunk


@pytest.mark.parametrize(
    ("kind", "size_mb", "code"),
    [
        (FORM, 20, "image_too_large"),
        (FORM, 100, "image_too_large"),
        ("application/json", 40, "request_too_large"),
        ("application/json", 100, "request_too_large"),
    ],
)
def test_a_client_that_keeps_sending_chunks_gets_413(
    http: httpx.Client, kind: str, size_mb: int, code: str
) -> None:
    body = _body(size_mb * 1024 * 1024)
    response = http.post("/v1/compare", content=body, headers={"content-type": kind})

    assert response.json()["code"] in {code, "request_too_large"}
    error_body(response, 413, response.json()["code"])
    assert http.get("/healthz").status_code == 200


def test_a_content_length_above_the_limit_gets_413(http: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    response = http.post("/v1/compare", content=bytes(40 * 1024 * 1024), headers=headers)
    error_body(response, 413, "request_too_large")


@pytest.mark.parametrize("chunked", [False, True])
def test_curl_gets_413(url: str, chunked: bool) -> None:
    header = ["-H", "Transfer-Encoding: chunked"] if chunked else []
    done = subprocess.run(
        ["curl", "-sS", *header, "-H", "Content-Type: application/json", "--data-binary", "@-"]
        + ["-w", "\n%{http_code}", f"{url}/v1/compare"],
        input=bytes(60 * 1024 * 1024),
        capture_output=True,
        check=True,
    )
    body, status = done.stdout.decode().splitlines()
    assert (status, json.loads(body)["code"]) == ("413", "request_too_large")


def _connected(url: str) -> socket.socket:
    address = urlsplit(url)
    assert address.hostname
    assert address.port
    return socket.create_connection((address.hostname, address.port), timeout=60)


def test_slow_and_disconnecting_clients_do_not_affect_others(
    url: str, http: httpx.Client, photos: dict[str, bytes]
) -> None:
    name, photo = next(iter(photos.items()))
    request = httpx.Request("POST", f"{url}/v1/faces", files={"image": (name, photo)})
    body = request.read()
    lines = [b"POST /v1/faces HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"]
    lines += [b"%s: %s\r\n" % header for header in request.headers.raw if header[0] != b"Host"]
    message = b"".join(lines) + b"\r\n" + body

    for cut in (20, len(message) - len(body) + 10, len(message) - 10, len(message)):
        with _connected(url) as disconnecting:
            disconnecting.sendall(message[:cut])
    with _connected(url) as slow:
        for part in range(8):
            slow.sendall(message[part * len(message) // 8 : (part + 1) * len(message) // 8])
            assert http.get("/healthz").status_code == 200
            time.sleep(0.1)
        answer = b"".join(iter(lambda: slow.recv(65536), b""))

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["image"]["name"] == name


def test_nothing_of_a_request_is_stored(
    http: httpx.Client, photos: dict[str, bytes], tmp_path: Path
) -> None:
    start_s = time.time() - 1
    marker = b"never-to-be-written-" + str(start_s).encode()
    file = BytesIO()
    with Image.open(BytesIO(next(iter(photos.values())))) as photo:
        photo.save(file, "JPEG", comment=marker)
    data, name = file.getvalue(), f"{marker.decode()}.jpg"
    files = {"image_1": (name, data), "image_2": (name, data)}
    encoded_photo = base64.b64encode(data).decode()

    assert http.post("/v1/compare", files=files).status_code == 200
    assert http.post("/v1/compare", files=files, headers={"Accept": "image/jpeg"}).is_success
    assert http.post("/v1/faces", json={"image": encoded_photo}).is_success
    broken = files | {"image_2": (name, data[:3000])}
    error_body(http.post("/v1/compare", files=broken), 422, "unreadable_image")
    error_body(http.post("/v1/faces", files=files), 422, "invalid_argument")

    searched = (marker, data[2000:2040], encoded_photo[2000:2040].encode())
    control = tmp_path / "control"
    control.write_bytes(b"..." + searched[1] + b"...")
    written = dict(_written_since(start_s))
    kept = [path for path, data in written.items() if any(part in data for part in searched)]
    assert kept == [str(control)]


def _written_since(start_s: float) -> Iterator[tuple[str, bytes]]:
    """Path and content of each file written to the temporary directory, which has Ray's logs."""
    for directory, _, names in os.walk(tempfile.gettempdir()):
        for path in (Path(directory, name) for name in names):
            with suppress(OSError):  # other programs delete their files meanwhile
                if path.is_file() and path.stat().st_mtime >= start_s:
                    yield str(path), path.read_bytes()


def test_answers_match_the_schema(http: httpx.Client, photos: dict[str, bytes]) -> None:
    one, two = list(photos.values())[:2]
    answer = http.post("/v1/compare?faces=all", files=pair(one, two)).content
    assert CompareAnswer.model_validate_json(answer).matching
