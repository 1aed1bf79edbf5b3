"""`faceage submit`: a command becomes a job of a cluster, whose log is followed here."""

import asyncio
import logging
import os
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from faceage_core.errors import FaceageError, InvalidArgument

# What `python -m` runs for each command; -m has the job's own folder first on the path.
MODULES = {
    "prepare": "trainers.prepare",
    "train": "trainers.train",
    "evaluate": "trainers.evaluate",
    "tune": "tune.sweep",
}

# Where `ray get-auth-token --generate` puts it.
TOKEN_FILE = Path.home() / ".ray" / "auth_token"


def submit(
    context: typer.Context,
    command: Annotated[
        str, typer.Argument(help=f"One of {', '.join(MODULES)}.", show_default=False)
    ],
    address: Annotated[
        str,
        typer.Option(
            envvar="RAY_API_SERVER_ADDRESS",
            help="Of the cluster's dashboard, which `ray dashboard cluster.yaml` makes reachable.",
        ),
    ] = "http://127.0.0.1:8265",
    token_file: Annotated[
        Path | None,
        typer.Option(
            envvar="RAY_AUTH_TOKEN_PATH",
            help="The cluster's token; default: ~/.ray/auth_token.",
            show_default=False,
        ),
    ] = None,
    working_dir: Annotated[
        Path,
        typer.Option(help="The project's folder; .rayignore says what is not sent."),
    ] = Path(),
    follow: Annotated[
        bool, typer.Option(help="Show the job's log, and end as the job ends.")
    ] = True,
) -> None:
    """Run prepare, train, evaluate or tune as a job of a Ray cluster.

    What follows the command is handed to it; submit's own options stand before it. Ctrl-C leaves
    the job running. `ray job stop` ends it, and a training or a sweep that was stopped goes on with
    --resume.

    Example: faceage submit train utkface_cpu data.sources=s3://mine/utkface --out s3://mine/runs/1
    """
    if command not in MODULES:
        raise InvalidArgument(
            f"command must be one of {', '.join(MODULES)}, got {command!r}", field="command"
        )
    if not (working_dir / "trainers").is_dir():
        raise InvalidArgument(
            f"--working-dir {working_dir} is not the project's folder", field="working_dir"
        )
    token_file = token_file or TOKEN_FILE
    if token_file.is_file():
        os.environ |= {"RAY_AUTH_TOKEN_PATH": str(token_file), "RAY_AUTH_MODE": "token"}
    logging.disable(logging.WARNING)  # Ray would name each file that is not sent
    client = _client(address)
    entrypoint = shlex.join(["python", "-m", MODULES[command], *context.args])
    job = client.submit_job(
        entrypoint=entrypoint, runtime_env={"working_dir": str(working_dir.absolute())}
    )
    typer.echo(f"{job}: {entrypoint}")
    if follow:
        asyncio.run(_follow(client, job))


# All that stands behind the command is the command's.
submit.context_settings = {"allow_extra_args": True, "allow_interspersed_args": False}  # type: ignore[attr-defined]


def _client(address: str) -> Any:
    from ray.exceptions import RayError
    from ray.job_submission import JobSubmissionClient

    try:
        return JobSubmissionClient(address)
    except ConnectionError:
        raise InvalidArgument(f"no cluster answers at {address}", field="address") from None
    except (RayError, RuntimeError, ValueError) as error:
        cause = str(error).strip().splitlines()[0]
        raise InvalidArgument(f"{address} refuses: {cause}", field="token_file") from None


async def _follow(client: Any, job: str) -> None:
    async for lines in client.tail_job_logs(job):
        typer.echo(lines, nl=False)
    status = client.get_job_status(job)
    if status != "SUCCEEDED":
        raise FaceageError(f"{job} ended as {status}")
