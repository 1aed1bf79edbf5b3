import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.http.errors import error_response, usable_id
from faceage_core import errors
from faceage_core.errors import Unavailable


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidArgument, 422),
        (errors.UnreadableImage, 422),
        (errors.NoFace, 422),
        (errors.UnsupportedFormat, 415),
        (errors.ImageTooLarge, 413),
        (errors.RequestTooLarge, 413),
        (errors.Overloaded, 503),
        (Unavailable, 503),
    ],
)
def test_each_error_has_its_status(error: type[errors.FaceageError], status: int) -> None:
    response = error_response(error.code, "why", "id", field="image_1")

    assert response.status_code == status
    expected = {"code": error.code, "message": "why", "request_id": "id", "field": "image_1"}
    assert json.loads(bytes(response.body)) == expected


@pytest.mark.parametrize(
    "error",
    [errors.WeightsUnavailable, errors.WeightsMismatch, errors.InvalidCheckpoint]
    + [errors.FaceageError],
)
def test_an_internal_error_is_not_disclosed(error: type[errors.FaceageError]) -> None:
    response = error_response(error.code, "/srv/weights.pt is damaged", "id", field="weights")

    assert response.status_code == 500
    assert json.loads(bytes(response.body)) == {
        "code": "internal_error",
        "message": "the service failed; nothing was stored",
        "request_id": "id",
    }


@pytest.mark.parametrize(("code", "seconds"), [("overloaded", "1"), ("unavailable", "5")])
def test_temporary_errors_have_a_retry_after_header(code: str, seconds: str) -> None:
    assert error_response(code, "why", "id").headers["retry-after"] == seconds
    assert "retry-after" not in error_response("no_face", "why", "id").headers


@given(st.text(max_size=200) | st.none())
def test_a_request_id_that_cannot_be_a_header_is_replaced(given: str | None) -> None:
    own = usable_id(given)

    assert 0 < len(own) <= 128
    assert own.isascii()
    assert own.isprintable()
    if given and len(given) <= 128 and given.isascii() and given.isprintable():
        assert own == given
    else:
        assert own not in (given, usable_id(given))
