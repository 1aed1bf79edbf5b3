"""The service on this machine: its own Ray, started and stopped with it."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import ray
from ray import serve
from ray.serve.config import HTTPOptions
from ray.serve.schema import LoggingConfig

from deployments.app import AppArgs, build
from deployments.http.middleware import PROXY_ENV
from faceage_core.errors import Unavailable

# A graph of three stages and an ingress needs this many of Ray's logical CPUs; a smaller machine
# shares its cores between them.
MIN_LOGICAL_CPUS = 4
OBJECT_STORE_BYTES = 512 * 1024 * 1024
READY_TIMEOUT_S = 30.0
# The stages call each other by gRPC: less work than Ray's actor calls, and the photos stay out of
# the object store. The servers are there in any case, and want the token that Ray makes.
SERVE_ENV = PROXY_ENV | {"RAY_SERVE_USE_GRPC_BY_DEFAULT": "1"}
MEMORY_DIR = "/dev/shm"  # noqa: S108  Linux has it


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
        FaceageError: the options name something that cannot be used, or a stage did not start.
    """
    application = build(args)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    ray.init(
        address="local",  # never a cluster that happens to run on this machine
        num_cpus=max(MIN_LOGICAL_CPUS, os.cpu_count() or 1),
        object_store_memory=OBJECT_STORE_BYTES,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        runtime_env={"env_vars": SERVE_ENV},
        # What passes through the object store must not be written to a disk: nothing is spilled,
        # and what finds no room in the store is kept in memory, too.
        object_spilling_directory=MEMORY_DIR if Path(MEMORY_DIR).is_dir() else None,
        _system_config={"automatic_object_spilling_enabled": False},
    )
    quiet = LoggingConfig(log_level="WARNING", enable_access_log=False)
    try:
        serve.start(http_options=HTTPOptions(host=host, port=port), logging_config=quiet)
        _run(application, args, quiet)
        address = f"http://{host}:{port}"
        # The proxy and the ingress find their way to every stage now, not in the first request.
        httpx.get(f"{address}/readyz", timeout=READY_TIMEOUT_S, trust_env=False)
        yield address
    finally:
        serve.shutdown()  # type: ignore[no-untyped-call]
        ray.shutdown()


def _run(application: serve.Application, args: AppArgs, logging_config: LoggingConfig) -> None:
    """Start every stage, or say why one does not."""
    try:
        serve.run(application, name="faceage", logging_config=logging_config)
    except RuntimeError as error:
        from faceage_core.pipeline import Pipeline

        Pipeline(args)  # a model that cannot be used says so better than Ray does for its stage
        cause = str(error).strip().partition("\n")[0]
        raise Unavailable(f"a part of the service did not start: {cause}") from None
