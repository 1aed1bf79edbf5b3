"""`faceage serve` in a process of its own."""

import httpx
import pytest

from benchmarks.serve_command import IN_PROCESS, last_line, serving


@pytest.mark.slow
def test_the_service_is_ready_and_stops_with_its_block() -> None:
    with serving(IN_PROCESS) as served:
        assert httpx.get(f"{served.address}/readyz", trust_env=False).status_code == 200
        assert served.ready_s > 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{served.address}/readyz", trust_env=False)


def test_a_service_that_does_not_start_is_an_error_with_its_last_line() -> None:
    with (
        pytest.raises(RuntimeError, match="^faceage serve ended: error: .*'gpu7' is unavailable"),
        serving(IN_PROCESS, "--device", "gpu7"),
    ):
        pytest.fail("it started")


def test_the_last_line_is_not_blank() -> None:
    assert last_line("one\ntwo  \n\n") == "two"
    assert last_line("") == ""
