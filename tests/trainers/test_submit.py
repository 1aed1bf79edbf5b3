"""`faceage submit`: rejected arguments and the files that are sent; tests/hosts runs real jobs."""

import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
import typer
from typer.testing import CliRunner

from faceage_core.errors import InvalidArgument
from trainers.submission import MODULES
from trainers.submit import submit

MAX_BYTES = 30_000_000  # most of it the shipped models


@pytest.fixture(autouse=True)
def enable_logging() -> Iterator[None]:
    """The command disables warnings for its whole process; enable them again."""
    yield
    logging.disable(logging.NOTSET)


def rejection(*arguments: str) -> InvalidArgument:
    app = typer.Typer()
    app.command(context_settings=submit.context_settings)(submit)  # type: ignore[attr-defined]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, InvalidArgument), result.output
    return result.exception


def test_an_unknown_command_is_rejected() -> None:
    error = rejection("trian", "utkface_cpu")
    assert error.field == "command"
    assert "prepare, train, evaluate, tune" in error.message


def test_a_folder_that_is_not_the_project_is_rejected(tmp_path: Path) -> None:
    error = rejection("--working-dir", str(tmp_path), "train", "utkface_cpu")
    assert error.field == "working_dir"
    assert str(tmp_path) in error.message


def test_an_unreachable_address_is_named(repository: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # without listening
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        error = rejection(
            "--working-dir", str(repository), "--address", address, "train", "utkface_cpu"
        )
    assert error.field == "address"
    assert address in error.message


@pytest.mark.parametrize("command", MODULES)
def test_a_job_runs_the_command(command: str, repository: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", MODULES[command], "--help"],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"Example: faceage {command} " in shown.stdout


def test_a_job_sends_all_code_and_little_else(repository: Path, tmp_path: Path) -> None:
    # Private to Ray: it is what sends a working directory.
    from ray._private.runtime_env.packaging import create_package

    create_package(str(repository), tmp_path / "sent.zip", include_gitignore=True)
    assert (tmp_path / "sent.zip").stat().st_size < MAX_BYTES
    with ZipFile(tmp_path / "sent.zip") as package:
        sent = set(package.namelist())
    code = {
        str(file.relative_to(repository))
        for folder in ("faceage_core", "trainers", "tune", "deployments")
        for file in (repository / folder).rglob("*")
        if file.suffix in {".py", ".json", ".yaml", ".html"}
    }
    assert len(code) > 100
    assert code <= sent
    assert not [name for name in sent if name.startswith((".venv", ".git/", "samples", "tests"))]
