"""The service on this machine, with its own Ray, started and stopped together."""

import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import ray
from ray import serve
from ray.serve.config import HTTPOptions
from ray.serve.schema import LoggingConfig

from deployments.app import INGRESS_CPUS, AppArgs, build
from deployments.http.middleware import PROXY_ENV
from faceage_core.errors import Unavailable
from faceage_core.pipeline.stages import STAGES

# The logical CPUs that the ingress and the stages reserve; a smaller machine shares its cores.
MIN_LOGICAL_CPUS = math.ceil(INGRESS_CPUS + sum(s.scaling.num_cpus for s in STAGES.values()))
OBJECT_STORE_BYTES = 512 * 1024 * 1024
READY_TIMEOUT_S = 30.0
# Calls between replicas use gRPC: less work than Ray's actor calls, and photos stay out of the
# object store. The gRPC servers run in any case, and require the token that Ray generates.
SERVE_ENV = PROXY_ENV | {"RAY_SERVE_USE_GRPC_BY_DEFAULT": "1"}
MEMORY_DIR = "/dev/shm"  # noqa: S108  Linux has it


@contextmanager
def running(
    args: AppArgs, *, host: str = "127.0.0.1", port: int = 8000, metrics_port: int | None = None
) -> Iterator[str]:
    """Run the service inside a `with` block.

    Args:
        args: which models to run.
        host: the address to listen on.
        port: the port to listen on.
        metrics_port: the port of Ray's and Serve's metrics, in Prometheus' format, on all
            addresses; None: any free port.

    Yields:
        The base address, "http://host:port". Every stage is loaded and warm by then.

    Raises:
        FaceageError: an option is invalid, or a stage did not start.
    """
    application = build(args)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no telemetry
    ray.init(
        address="local",  # never join a cluster that runs on this machine
        num_cpus=max(MIN_LOGICAL_CPUS, os.cpu_count() or 1),
        object_store_memory=OBJECT_STORE_BYTES,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        _metrics_export_port=metrics_port,
        runtime_env={"env_vars": SERVE_ENV},
        # Nothing of the object store may reach a disk: no spilling, and fallback allocations use
        # memory too.
        object_spilling_directory=MEMORY_DIR if Path(MEMORY_DIR).is_dir() else None,
        _system_config={"automatic_object_spilling_enabled": False},
    )
    quiet = LoggingConfig(log_level="WARNING", enable_access_log=False)
    try:
        serve.start(http_options=HTTPOptions(host=host, port=port), logging_config=quiet)
        _run(application, args, quiet)
        address = f"http://{host}:{port}"
        # Connects the proxy and the ingress with every stage now, not in the first request.
        httpx.get(f"{address}/readyz", timeout=READY_TIMEOUT_S, trust_env=False)
        yield address
    finally:
        serve.shutdown()  # type: ignore[no-untyped-call]
        ray.shutdown()


def _run(application: serve.Application, args: AppArgs, logging_config: LoggingConfig) -> None:
    """Start every stage; raise the reason if one does not start."""
    try:
        serve.run(application, name="faceage", logging_config=logging_config)
    except RuntimeError as error:
        from faceage_core.pipeline import Pipeline

        Pipeline(args)  # raises a clearer error than Ray's if a model cannot be loaded
        cause = str(error).strip().partition("\n")[0]
        raise Unavailable(f"a part of the service did not start: {cause}") from None
