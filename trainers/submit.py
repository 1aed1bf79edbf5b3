"""`faceage submit`: run a command as a job of a Ray cluster."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from faceage_core.cli.main import run_command
from trainers.submission import MODULES, follow_job, submit_job


def submit(
    context: typer.Context,
    command: Annotated[
        str, typer.Argument(help=f"One of {', '.join(MODULES)}.", show_default=False)
    ],
    address: Annotated[
        str,
        typer.Option(
            envvar="RAY_API_SERVER_ADDRESS",
            help="The cluster's dashboard, which `ray dashboard cluster.yaml` forwards.",
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
        typer.Option(help="The project's folder; .rayignore lists what is not sent."),
    ] = Path(),
    follow: Annotated[
        bool, typer.Option(help="Show the job's log, and fail if the job fails.")
    ] = True,
) -> None:
    """Run prepare, train, evaluate or tune as a job of a Ray cluster.

    Arguments after the command are passed to it; the options of submit come before it. Ctrl-C does
    not stop the job; `ray job stop` does. --resume continues a stopped training or sweep.

    Example: faceage submit train utkface_cpu data.sources=s3://mine/utkface --out s3://mine/runs/1
    """
    job = submit_job(
        command, context.args, address=address, working_dir=working_dir, token_file=token_file
    )
    typer.echo(f"{job.id}: {job.entrypoint}")
    if follow:
        asyncio.run(follow_job(job, partial(typer.echo, nl=False)))


# Everything after the command is passed to the command.
submit.context_settings = {"allow_extra_args": True, "allow_interspersed_args": False}  # type: ignore[attr-defined]


def main() -> None:
    """Run `python -m trainers.submit`."""
    run_command(submit)


if __name__ == "__main__":
    main()
