"""Submit a command as a job of a Ray cluster, and follow its log."""

import logging
import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceage_core.errors import FaceageError, InvalidArgument

# The module that `python -m` runs for each command; -m puts the job's folder first on the path.
MODULES = {
    "prepare": "trainers.prepare",
    "train": "trainers.train",
    "evaluate": "trainers.evaluate",
    "tune": "tune.sweep",
}

# Where `ray get-auth-token --generate` writes it.
TOKEN_FILE = Path.home() / ".ray" / "auth_token"


@dataclass(frozen=True)
class Job:
    """A submitted job.

    Attributes:
        id: Ray's id of the job.
        entrypoint: the command that it runs.
        client: Ray's client of the cluster.
    """

    id: str
    entrypoint: str
    client: Any


def submit_job(
    command: str,
    arguments: Sequence[str],
    *,
    address: str,
    working_dir: Path,
    token_file: Path | None = None,
) -> Job:
    """Submit a command.

    Args:
        command: a key of `MODULES`.
        arguments: of the command.
        address: of the cluster's dashboard, http://host:port.
        working_dir: the project's folder, which is sent to the cluster.
        token_file: the cluster's token; None uses `TOKEN_FILE` if it exists.

    Raises:
        InvalidArgument: the command is unknown, the folder is not the project's, or the cluster
            cannot be reached or rejects the token.
    """
    if command not in MODULES:
        raise InvalidArgument(
            f"command must be one of {', '.join(MODULES)}, got {command!r}", field="command"
        )
    if not (working_dir / "trainers").is_dir():
        raise InvalidArgument(
            f"working_dir must be the project's folder, got {working_dir}", field="working_dir"
        )
    token_file = token_file or TOKEN_FILE
    if token_file.is_file():
        os.environ |= {"RAY_AUTH_TOKEN_PATH": str(token_file), "RAY_AUTH_MODE": "token"}
    logging.disable(logging.WARNING)  # Ray would log each file that is not sent
    client = _connect(address)
    entrypoint = shlex.join(["python", "-m", MODULES[command], *arguments])
    job_id = client.submit_job(
        entrypoint=entrypoint, runtime_env={"working_dir": str(working_dir.absolute())}
    )
    return Job(job_id, entrypoint, client)


async def follow_job(job: Job, write: Callable[[str], None]) -> None:
    """Pass the job's log on until the job ends.

    Args:
        job: that was submitted.
        write: called with each piece of the log, of one or more lines.

    Raises:
        FaceageError: the job failed or was stopped.
    """
    async for lines in job.client.tail_job_logs(job.id):
        write(lines)
    status = job.client.get_job_status(job.id)
    if status != "SUCCEEDED":
        raise FaceageError(f"job {job.id} ended with status {status}")


def _connect(address: str) -> Any:
    from ray.exceptions import RayError
    from ray.job_submission import JobSubmissionClient

    try:
        return JobSubmissionClient(address)
    except ConnectionError:
        raise InvalidArgument(f"no cluster can be reached at {address}", field="address") from None
    except (RayError, RuntimeError, ValueError) as error:
        cause = str(error).strip().splitlines()[0]
        raise InvalidArgument(
            f"{address} rejects the connection: {cause}", field="token_file"
        ) from None
