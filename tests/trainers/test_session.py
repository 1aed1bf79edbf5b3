"""How a command joins a cluster, and how it ends when told to."""

import re
import signal

import pytest

from benchmarks.load_generator import free_port
from faceage_core.errors import InvalidArgument
from trainers.session import interruptible, ray_session


def test_being_terminated_is_as_ctrl_c() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("address", ["foo", "127.0.0.1:99999", "[::1]:{free}", "127.0.0.1:{free}"])
@pytest.mark.timeout(20)
def test_where_no_cluster_is_it_is_said_at_once(address: str) -> None:
    address = address.format(free=free_port())
    said = re.escape(f"no Ray cluster answers at {address}, or")
    with pytest.raises(InvalidArgument, match=said), ray_session(address):
        pass
