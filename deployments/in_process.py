"""The service in this process, without Ray: the stages in threads, behind one uvicorn server."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from deployments.http.admission import AdmissionMiddleware
from deployments.http.app import Service, create_app
from deployments.http.middleware import ProxyMiddleware
from deployments.service import GraphService, ServiceOptions
from deployments.thread_stages import ThreadStages
from faceage_core.models.bundles import resolve
from faceage_core.pipeline.graph import Graph
from faceage_core.pipeline.stages import STAGES

# As Serve: its proxy closes idle connections, and its replicas complete their requests.
KEEP_ALIVE_TIMEOUT_S = 90
GRACE_S = 20


@contextmanager
def running(options: ServiceOptions, *, host: str = "127.0.0.1", port: int = 8000) -> Iterator[str]:
    """Run the service inside a `with` block, with its event loop in another thread.

    At the end it accepts no more connections, and completes the requests in progress for at most
    `GRACE_S`.

    Args:
        options: which models to run.
        host: the address to listen on.
        port: the port to listen on; 0: any free one.

    Yields:
        The base address, "http://host:port". Every stage is loaded and warm by then; the port is
        closed before.

    Raises:
        FaceageError: an option is invalid, or a model cannot be loaded.
        OSError: the port cannot be used.
    """
    with serving(load(options), host=host, port=port) as address:
        yield address


def load(options: ServiceOptions) -> GraphService:
    """The service over newly loaded stages.

    Raises:
        FaceageError: an option is invalid, or a model cannot be loaded.
    """
    bundle = resolve(options)
    loaded = {stage.name: stage.load(bundle, options, None) for stage in STAGES.values()}
    return GraphService(Graph(ThreadStages(loaded), bundle), timeout_s=options.timeout_s)


@contextmanager
def serving(service: Service, *, host: str, port: int) -> Iterator[str]:
    """Serve any service inside a `with` block; see `running`."""
    server = uvicorn.Server(
        uvicorn.Config(
            protected_app(service),
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="critical",  # its messages on errors repeat those of `ProxyMiddleware`
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_TIMEOUT_S,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    listener = socket.create_server((host, port), backlog=server.config.backlog)
    with listener, ThreadPoolExecutor(1, "server") as thread:
        ended = thread.submit(server.run, [listener])
        try:
            yield f"http://{host}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            ended.result()


def protected_app(service: Service) -> ASGIApp:
    """The application behind what Serve's proxy does for it, and the middleware before that."""
    return ProxyMiddleware(AdmissionMiddleware(create_app(service)))
