"""Start Ray on this machine, or connect to an existing cluster."""

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
from faceage_core.ports import free_port
from trainers.environment_variables import environment_variables

# Ray carries numbers and small arrays here, never images.
OBJECT_STORE_BYTES = 200 * 1024 * 1024
CONNECT_TIMEOUT_S = 10.0


@contextmanager
def ray_session(address: str | None, *, dashboard: bool = False) -> Iterator[None]:
    """Start Ray or connect to a cluster; use the connection that this process already has, if any.

    Args:
        address: of a Ray cluster: host:port or auto; None starts Ray on this machine.
        dashboard: start Ray's dashboard too, on 127.0.0.1. It contains the state API, without which
            Ray Train cannot free the workers of a training that was stopped from outside.

    Raises:
        InvalidArgument: no cluster can be reached at the address.
    """
    if ray.is_initialized():
        yield
        return
    if address is not None and address.startswith(("http://", "https://")):
        raise InvalidArgument(
            f"address must be host:port or auto; {address} accepts jobs only (`faceage submit`)",
            field="address",
        )
    if address is None:
        # Ray's processes search for the machine's only Ray and stop if they find two; with these
        # variables they use the one that is started here.
        port = free_port()
        node_address = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
        variables = {"RAY_GCS_SERVER_PORT": str(port), "RAY_ADDRESS": f"{node_address}:{port}"}
        with environment_variables(variables):
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
        _connect(address)
    try:
        _silence_ray_data()
        with sigterm_as_interrupt():
            yield
    finally:
        ray.shutdown()


@contextmanager
def sigterm_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM, which stops jobs and containers, like Ctrl-C within the block.

    Ray itself would exit at once, and the cluster would keep the resources of a training reserved
    for three minutes; an elastic training that is resumed would wait as long.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python allows signal handlers only in the main thread
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_: int, frame: FrameType | None) -> None:
    """Run SIGINT's handler, or raise KeyboardInterrupt where SIGINT is ignored.

    The handler is called instead of raising SIGINT, because processes that a shell starts in the
    background ignore SIGINT, and SIGTERM must work there too. Ray Train and Ray Tune install their
    own handlers, which stop the workers first.
    """
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


def _connect(address: str) -> None:
    try:
        _check_reachable(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError):  # ValueError: the address is malformed
        raise InvalidArgument(
            f"no Ray cluster can be reached at {address}, or it expects another token",
            field="address",
        ) from None


def _check_reachable(address: str) -> None:
    """Open a connection; Ray itself retries for minutes at an unused address, and logs it.

    Raises:
        ConnectionError: the connection is refused or times out.
        ValueError: the port is not a port number.
    """
    parts = urlsplit(address if "://" in address else f"//{address}")
    if parts.port is None:
        return
    try:
        socket.create_connection((parts.hostname, parts.port), CONNECT_TIMEOUT_S).close()
    except OSError as error:
        raise ConnectionError from error


def _silence_ray_data() -> None:
    """Hide Ray Data's progress bars and logs, which would cover the commands' own."""
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # the commands report failures
