"""The service on this machine: its own Ray, started and stopped with it."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import ray
from ray import serve
from ray.serve.config import HTTPOptions
from ray.serve.schema import LoggingConfig

from deployments.app import AppArgs, build

# A graph of three stages and an ingress needs this many of Ray's logical CPUs; a smaller machine
# shares its cores between them.
MIN_LOGICAL_CPUS = 4
OBJECT_STORE_BYTES = 512 * 1024 * 1024


@contextmanager
def running(args: AppArgs, *, host: str = "127.0.0.1", port: int = 8000) -> Iterator[str]:
    """Run the service for as long as the block lasts.

    Args:
        args: which models to run.
        host: the address to listen on.
        port: the port to listen on.

    Yields:
        The base address, "http://host:port". Every stage is loaded and warm by then.

    Raises:
        FaceageError: the options name something that cannot be used.
        RuntimeError: a stage did not start.
    """
    application = build(args)
    ray.init(
        num_cpus=max(MIN_LOGICAL_CPUS, os.cpu_count() or 1),
        object_store_memory=OBJECT_STORE_BYTES,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        # Photos pass through the object store; it must never write them to the disk.
        _system_config={"automatic_object_spilling_enabled": False},
    )
    quiet = LoggingConfig(log_level="WARNING", enable_access_log=False)
    try:
        serve.start(http_options=HTTPOptions(host=host, port=port), logging_config=quiet)
        serve.run(application, name="faceage", logging_config=quiet)
        yield f"http://{host}:{port}"
    finally:
        serve.shutdown()  # type: ignore[no-untyped-call]
        ray.shutdown()
