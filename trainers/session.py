"""A Ray to work on for the time of a command: this machine's cores, or a cluster's."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import ray
from ray.data import DataContext

# What passes through Ray are numbers and small arrays; pictures never do.
OBJECT_STORE_BYTES = 200 * 1024 * 1024


@contextmanager
def ray_session(address: str | None, *, dashboard: bool = False) -> Iterator[None]:
    """A Ray of our own, or the cluster at an address; none if this process has one already.

    Args:
        address: of a Ray cluster; None starts Ray here.
        dashboard: on this machine's own address. Ray's state API comes with it, without which Ray
            Train cannot free the workers of a training that was stopped from outside.
    """
    if ray.is_initialized():
        yield
        return
    if address is None:
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
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    try:
        _quiet()
        yield
    finally:
        ray.shutdown()


def _quiet() -> None:
    """Ray Data's own bars and logs would bury ours."""
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what fails, we say ourselves
