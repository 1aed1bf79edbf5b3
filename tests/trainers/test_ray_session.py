"""Connecting to a Ray cluster, and the end of a command on SIGTERM."""

import re
import signal
import subprocess
import sys
from typing import Any

import pytest
import ray

from faceage_core.errors import InvalidArgument
from faceage_core.ports import free_port
from trainers.ray_session import ray_session, sigterm_as_interrupt


@pytest.mark.parametrize("interrupt", [signal.default_int_handler, signal.SIG_IGN])
def test_sigterm_interrupts_where_sigint_is_handled_and_where_it_is_ignored(
    interrupt: Any,
) -> None:
    terminate = signal.getsignal(signal.SIGTERM)
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt), sigterm_as_interrupt():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)
    assert signal.getsignal(signal.SIGTERM) == terminate


def test_sigterm_runs_the_handler_that_a_library_installed_for_sigint() -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: received.append(number))
    try:
        with sigterm_as_interrupt():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGINT, before)
    assert received == [signal.SIGINT]


WAITING = """
import signal
from trainers.ray_session import sigterm_as_interrupt

assert signal.getsignal(signal.SIGINT) is signal.{inherited}
with sigterm_as_interrupt():
    print("ready", flush=True)
    signal.pause()
    print("still here")
"""


@pytest.mark.parametrize(
    ("shell", "inherited"),
    [('exec "$@"', "default_int_handler"), ("trap '' INT; exec \"$@\"", "SIG_IGN")],
    ids=["in the foreground", "in the background of a script"],
)
def test_sigterm_ends_a_process(shell: str, inherited: str) -> None:
    command = [sys.executable, "-c", WAITING.format(inherited=inherited)]
    with subprocess.Popen(
        ["sh", "-c", shell, "sh", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # however pytest runs
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        output, errors = process.communicate()
    assert process.returncode != 0
    assert output == ""
    assert errors.endswith("KeyboardInterrupt\n")


@pytest.mark.parametrize("address", ["foo", "127.0.0.1:99999", "[::1]:{free}", "127.0.0.1:{free}"])
def test_an_unreachable_address_is_reported_at_once(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        pytest.fail("ray.init was called, which waits for minutes")

    if ":" in address:  # Ray rejects an address without a port at once
        monkeypatch.setattr(ray, "init", fail)
    address = address.format(free=free_port())
    message = re.escape(f"no Ray cluster can be reached at {address}, or")
    with pytest.raises(InvalidArgument, match=message), ray_session(address):
        pass
