"""How a command joins a cluster, and how it ends when told to."""

import signal

import pytest

from faceage_core.errors import InvalidArgument
from trainers.session import interruptible, ray_session


def test_being_terminated_is_as_ctrl_c() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interruptible():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


def test_an_address_that_is_none_is_one_clear_line() -> None:
    with (
        pytest.raises(InvalidArgument, match="^no Ray cluster answers at foo$"),
        ray_session("foo"),
    ):
        pass
