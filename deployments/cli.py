"""`faceage serve` and `faceage demo`: the service on this machine."""

import signal
import socket
import threading
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Annotated

import httpx
import typer

from faceage_core.cli.console import print_comparison, print_warnings, show_progress
from faceage_core.cli.options import (
    Bundle,
    Checkpoint,
    Device,
    Engine,
    Precision,
    Weights,
    model_options,
)
from faceage_core.cli.results import write_comparison
from faceage_core.errors import FaceageError, InvalidArgument
from faceage_core.files.samples import sample_photos
from faceage_core.models.options import ModelOptions
from faceage_core.pipeline.schema import CompareAnswer, readable_json
from faceage_core.ports import free_port

DEMO_PAIR = ("obama_2009.jpg", "obama_2012.jpg")
REQUEST_TIMEOUT_S = 120.0

InProcess = Annotated[
    bool, typer.Option("--in-process", help="Run all stages in this process, without Ray.")
]


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8000,
    bundle: Bundle = "bundled",
    age: Checkpoint = None,
    identity_weights: Weights = None,
    device: Device = "cpu",
    engine: Engine = "auto",
    precision: Precision = "auto",
    metrics_port: Annotated[
        int | None,
        typer.Option(help="The port of Ray's metrics for Prometheus.", min=1, max=65535),
    ] = None,
    in_process: InProcess = False,
) -> None:
    """Run the service on this machine until Ctrl-C.

    It listens on loopback only, unless --host is given: the service has no authentication.
    The page /docs describes the HTTP API.

    Example: faceage serve --port 8000
    """
    _require_free(host, port)
    stop = threading.Event()
    options = model_options(bundle, age, identity_weights, device, engine, precision)
    with ExitStack() as stack:
        with show_progress("starting the service"):
            running = _running(
                options, host=host, port=port, metrics_port=metrics_port, in_process=in_process
            )
            address = stack.enter_context(running)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        typer.echo(f"serving on {address}, API documentation at {address}/docs; Ctrl-C stops it")
        stop.wait()
        typer.echo("stopping")


def demo(
    samples: Annotated[
        Path | None,
        typer.Option(
            help="A folder with the two photos; by default the package's.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    out_dir: Annotated[Path, typer.Option("--out", help="Where to write the results.")] = Path(
        "out"
    ),
    in_process: InProcess = False,
) -> None:
    """Start the service, compare two photos of one person over HTTP, and stop it again.

    Example: faceage demo --out out
    """
    photos = [(samples or sample_photos()) / name for name in DEMO_PAIR]
    with ExitStack() as stack:
        with show_progress("starting the service"):
            running = _running(ModelOptions(), port=free_port(), in_process=in_process)
            address = stack.enter_context(running)
        answer = CompareAnswer.model_validate_json(_compare(address, photos, "application/json"))
        picture = _compare(address, photos, "image/jpeg")
    typer.echo(readable_json(answer))
    write_comparison(out_dir, photos[0].stem, photos[1].stem, picture=picture, answer=answer)
    print_comparison(answer)
    print_warnings(answer.warnings)


def _running(
    options: ModelOptions,
    *,
    host: str = "127.0.0.1",
    port: int,
    metrics_port: int | None = None,
    in_process: bool,
) -> AbstractContextManager[str]:
    """The service on Ray or in this process; imports only what it needs."""
    if in_process:
        if metrics_port is not None:
            raise InvalidArgument(
                "the metrics are Ray's: not with --in-process", field="metrics_port"
            )
        from deployments.in_process import running as running_in_process
        from deployments.service import ServiceOptions

        return running_in_process(ServiceOptions(**dict(options)), host=host, port=port)
    from deployments.app import AppArgs
    from deployments.local import running

    return running(AppArgs(**dict(options)), host=host, port=port, metrics_port=metrics_port)


def _compare(address: str, photos: list[Path], accept: str) -> bytes:
    files = {
        field: (photo.name, photo.read_bytes())
        for field, photo in zip(("image_1", "image_2"), photos, strict=True)
    }
    response = httpx.post(
        f"{address}/v1/compare",
        files=files,
        headers={"Accept": accept},
        timeout=REQUEST_TIMEOUT_S,
        trust_env=False,  # no proxy between this process and its own service
    )
    if response.status_code != httpx.codes.OK:
        raise FaceageError(f"the service answered {response.status_code}: {response.text}")
    return response.content


def _require_free(host: str, port: int) -> None:
    """Refuse a taken port before the models are loaded, or Ray reports it late."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InvalidArgument(
                f"port {port} on {host} cannot be used: {error.strerror}", field="port"
            ) from None
