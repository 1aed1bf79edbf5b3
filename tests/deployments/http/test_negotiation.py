import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.http.negotiation import prefers_jpeg


@pytest.mark.parametrize(
    ("accept", "jpeg"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("image/jpeg", True),
        ("IMAGE/JPEG", True),
        ("image/*", True),
        ("image/png", False),
        ("image/jpeg, application/json", False),
        ("image/jpeg;q=0.9, application/json;q=0.8", True),
        ("image/jpeg;q=0.1, application/json", False),
        ("image/jpeg, */*;q=0.1", True),
        ("image/jpeg;q=0, */*", False),
        ("*/*, image/jpeg;q=0.5", False),
        ("image/*;q=0.2, image/jpeg;q=0.9, application/*;q=0.5", True),
        ("image/jpeg;q=high, application/json;q=0.1", False),
        ("image/jpeg;q=nan", False),
        ("image/jpeg;level=1;q=0.7, */*;q=0.6", True),
        (" image/jpeg ; q = 0.7 ", True),
        (";;;,,,q=1", False),
    ],
)
def test_the_most_specific_range_decides(accept: str | None, jpeg: bool) -> None:
    assert prefers_jpeg(accept) is jpeg


@given(st.text(alphabet="imagejpson/*;,q=.01 \xff", max_size=60))
def test_any_header_is_accepted(accept: str) -> None:
    assert prefers_jpeg(accept) in (True, False)
    assert not (prefers_jpeg(accept) and "image/" not in accept)
