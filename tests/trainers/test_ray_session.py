"""Connecting to a cluster, and ending on SIGTERM."""

import re
import signal

import pytest

from benchmarks.load_generator import free_port
from faceage_core.errors import InvalidArgument
from trainers.ray_session import ray_session, sigterm_as_interrupt


def test_sigterm_raises_keyboard_interrupt() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), sigterm_as_interrupt():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("address", ["foo", "127.0.0.1:99999", "[::1]:{free}", "127.0.0.1:{free}"])
@pytest.mark.timeout(20)
def test_an_unreachable_address_is_reported_at_once(address: str) -> None:
    address = address.format(free=free_port())
    message = re.escape(f"no Ray cluster can be reached at {address}, or")
    with pytest.raises(InvalidArgument, match=message), ray_session(address):
        pass
