"""Puts the commands together and turns errors into one line and an exit code."""

import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer

from faceage_core.cli.console import print_error
from faceage_core.errors import FaceageError, InvalidArgument

BAD_USE, FAILURE = 2, 1


def main() -> None:
    """Run the command line: exit code 0 on success, 2 on bad use, 1 on failure."""
    run(_app)


def run(app: Callable[[], typer.Typer]) -> None:
    """Run an app with the errors and exit codes that all commands share."""
    try:
        app()()
    except InvalidArgument as error:
        print_error(error.message)
        sys.exit(BAD_USE)
    except FaceageError as error:
        print_error(error.message)
        sys.exit(FAILURE)
    except ModuleNotFoundError as error:
        print_error(f"this command needs the package {error.name}, which is not installed")
        sys.exit(FAILURE)
    except OSError as error:
        print_error(
            f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
        )
        sys.exit(FAILURE)


def _loaded(point: EntryPoint) -> Any:
    """The command; one whose packages are missing says so only when it is asked for."""
    try:
        return point.load()
    except ModuleNotFoundError as error:
        missing = error.name

    def unavailable() -> None:
        raise ModuleNotFoundError(name=missing)

    unavailable.__doc__ = f"Needs the package {missing}, which is not installed."
    return unavailable


def _app() -> typer.Typer:
    app = typer.Typer(
        name="faceage",
        help="How old does each face look, and do both photos show the same person?",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for point in sorted(entry_points(group="faceage.commands"), key=lambda point: point.name):
        command = _loaded(point)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=point.name)
        else:
            settings = getattr(command, "context_settings", None)
            app.command(point.name, context_settings=settings)(command)
    app.callback()(lambda: None)  # a group even while it has one command
    return app
