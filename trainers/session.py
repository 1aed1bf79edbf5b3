"""A Ray to work on for the time of a command: this machine's cores, or a cluster's."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from urllib.parse import urlsplit

import ray
from ray.data import DataContext

from faceage_core.errors import InvalidArgument
from trainers.environment import environment

# What passes through Ray are numbers and small arrays; pictures never do.
OBJECT_STORE_BYTES = 200 * 1024 * 1024
KNOCK_TIMEOUT_S = 10.0


@contextmanager
def ray_session(address: str | None, *, dashboard: bool = False) -> Iterator[None]:
    """A Ray of our own, or the cluster at an address; none if this process has one already.

    Args:
        address: of a Ray cluster: host:port or auto; None starts Ray here.
        dashboard: on this machine's own address. Ray's state API comes with it, without which Ray
            Train cannot free the workers of a training that was stopped from outside.

    Raises:
        InvalidArgument: no cluster is at the address.
    """
    if ray.is_initialized():
        yield
        return
    if address is not None and address.startswith(("http://", "https://")):
        raise InvalidArgument(
            f"address {address} takes jobs: use `faceage submit`, or a cluster's host:port",
            field="address",
        )
    if address is None:
        # Ray's own processes look for the one Ray of a machine; told where theirs is, they do not
        # stop at a second one.
        port = _free_port()
        known = {"RAY_GCS_SERVER_PORT": str(port), "RAY_ADDRESS": f"{_own_address()}:{port}"}
        with environment(known):
            ray.init(
                address="local",
                num_cpus=os.cpu_count(),
                object_store_memory=OBJECT_STORE_BYTES,
                include_dashboard=dashboard,
                dashboard_host="127.0.0.1",
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
    else:
        _join(address)
    try:
        _quiet()
        with interruptible():
            yield
    finally:
        ray.shutdown()


@contextmanager
def interruptible() -> Iterator[None]:
    """Make SIGTERM, by which jobs and containers are stopped, end a command as Ctrl-C does.

    Ray's own handler exits at once, and the cluster then keeps what a training had reserved for
    three minutes: an elastic training that resumes it would wait as long.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set a handler
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_: int, frame: FrameType | None) -> None:
    """Run SIGINT's handler, or raise KeyboardInterrupt where SIGINT is ignored.

    The handler is called and SIGINT is not raised: a shell ignores SIGINT in what it starts in the
    background, and SIGTERM has to work there too. Ray Train and Ray Tune install a handler of their
    own, which stops the workers first.
    """
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


def _join(address: str) -> None:
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError):  # the latter of what is no address
        raise InvalidArgument(
            f"no Ray cluster answers at {address}, or it wants another token", field="address"
        ) from None


def _knock(address: str) -> None:
    """Ray itself waits for minutes where nobody listens, and logs as it does.

    Raises:
        ConnectionError: nobody does.
        ValueError: the port is none.
    """
    place = urlsplit(address if "://" in address else f"//{address}")
    if place.port is None:
        return
    try:
        socket.create_connection((place.hostname, place.port), KNOCK_TIMEOUT_S).close()
    except OSError as error:
        raise ConnectionError from error


def _own_address() -> str:
    """What Ray calls this machine."""
    return str(ray.util.get_node_ip_address())  # type: ignore[no-untyped-call]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("", 0))
        return int(taken.getsockname()[1])


def _quiet() -> None:
    """Ray Data's own bars and logs would bury ours."""
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what fails, we say ourselves
