"""Assembles the commands, and turns errors into one line on stderr and an exit code.

A command module holds one function with Typer's annotations and a `main()` that passes it to
`run_command`. The function parses arguments, calls a library function and prints the result. The
library does not know flags: an error's `field` is shown as the flag that sets it.
"""

import re
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.main import get_command

from faceage_core.cli.console import print_error
from faceage_core.errors import FaceageError, InvalidArgument
from faceage_core.extras import how_to_install, install_extra

EXIT_USAGE, EXIT_FAILURE = 2, 1
# Of a command that cannot be loaded: whatever its arguments are, it says what is missing.
_ANY_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True}
# By the beginning of a command's module: the extra with all packages that it needs.
_EXTRAS = {
    "deployments": "serve",
    "trainers": "train",
    "tune": "train",
    "faceage_core.cli.describe": "train",
}


def main() -> None:
    """Run `faceage`: exit code 0 on success, 2 on wrong usage, 1 on failure."""
    _run(_all_commands)


def run_command(command: Callable[..., None]) -> None:
    """Run one command without `faceage`, with the same options, errors and exit codes.

    The `main()` of a command module calls it, for `python -m trainers.train` and the like.
    """

    def app() -> typer.Typer:
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        _add(single, command.__name__, command)
        return single

    _run(app)


def _run(build_app: Callable[[], typer.Typer]) -> None:
    try:
        command = get_command(build_app())
        _translate_fields(command)
        command()
    except FaceageError as error:
        print_error(error.message)
        sys.exit(EXIT_USAGE if isinstance(error, InvalidArgument) else EXIT_FAILURE)
    except ModuleNotFoundError as error:
        print_error(f"this command needs the package {error.name}: {_how_to_install(error)}")
        sys.exit(EXIT_FAILURE)
    except OSError as error:
        print_error(
            f"{error.strerror or error}: {error.filename}" if error.filename else str(error)
        )
        sys.exit(EXIT_FAILURE)


def _how_to_install(error: ModuleNotFoundError) -> str:
    """How to install the extra of the named command, or else the missing package."""
    named = entry_points(group="faceage.commands", name=next(iter(sys.argv[1:]), ""))
    module = next((point.module for point in named), "trainers")  # as `python -m trainers.train`
    extras = (extra for beginning, extra in _EXTRAS.items() if module.startswith(beginning))
    extra = next(extras, None)
    return install_extra(extra) if extra else how_to_install(str(error.name))


def _translate_fields(command: Any) -> None:
    """Let a command, or each command of a group, raise errors that name its flags."""
    if subcommands := getattr(command, "commands", None):
        for subcommand in subcommands.values():
            _translate_fields(subcommand)
        return
    callback, names = command.callback, _shown_names(command.params)

    @wraps(callback)
    def call(*args: Any, **values: Any) -> Any:
        try:
            return callback(*args, **values)
        except FaceageError as error:
            if (field := error.field) and field in names:
                error.args = (_with_name(error.message, field, names[field]),)
            raise

    command.callback = call


def _shown_names(parameters: Iterable[Any]) -> dict[str, str]:
    """By field: the flag of an option, or the name of an argument in the usage line."""
    names: dict[str, str] = {}
    for parameter in parameters:
        if parameter.param_type_name == "argument":
            names[parameter.name] = parameter.name.upper()
            continue
        flag = next(option for option in parameter.opts if option.startswith("--"))
        names[parameter.name] = flag
        names.setdefault(flag.removeprefix("--").replace("-", "_"), flag)
    return names


def _with_name(message: str, field: str, name: str) -> str:
    """Replace the field at the start of a message by the flag, or put the flag before it."""
    if message.startswith(name):
        return message
    replaced, found = re.subn(rf"^{re.escape(field)}\b", lambda _: name, message)
    return replaced if found else f"{name}: {message}"


def _load(point: EntryPoint) -> Any:
    """Load a command; if a package is missing, return a command that fails when it is called."""
    try:
        return point.load()
    except ModuleNotFoundError as error:
        missing = error.name

    def unavailable() -> None:
        raise ModuleNotFoundError(name=missing)

    unavailable.__doc__ = f"Needs the package {missing}, which is not installed."
    unavailable.context_settings = _ANY_ARGUMENTS  # type: ignore[attr-defined]
    return unavailable


def _all_commands() -> typer.Typer:
    app = typer.Typer(
        name="faceage",
        help="How old does each face look, and do both photos show the same person?",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    points = {point.name: point for point in entry_points(group="faceage.commands")}
    # If a command is named, load it alone: loading the others takes time.
    named = [name for name in sys.argv[1:2] if name in points]
    for name in named or sorted(points):
        _add(app, name, _load(points[name]))
    app.callback()(lambda: None)  # makes it a group, even with one command
    return app


def _add(app: typer.Typer, name: str, command: Any) -> None:
    """Add a group of commands, or a function, which may state its `context_settings`."""
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        settings = getattr(command, "context_settings", None)
        app.command(name, context_settings=settings)(command)
