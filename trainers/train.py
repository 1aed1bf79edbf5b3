"""`faceage train`: a recipe and a prepared data set become a checkpoint that can be served."""

from pathlib import Path
from typing import Annotated

import typer

from faceage_core.cli.main import run_command
from faceage_core.errors import InvalidArgument
from trainers.console import Address


def train(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE] [KEY=VALUE]...",
            help="A recipe's name or the path of a .yaml file, unless --config gives it; then "
            "changes to the recipe, such as optimizer.lr=0.001.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            help="A recipe's name, or the path of a .yaml file; instead of the argument.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            help="The run's folder or URI; default: runs/ and the recipe's name.",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the run in --out.")
    ] = False,
    address: Address = None,
) -> None:
    """Train an age model.

    docs/training.md describes the recipes and their keys. A checkpoint is written after every
    epoch; --resume continues a stopped run and reaches the same weights.

    Example: faceage train utkface_cpu data.sources=prepared/utkface --out runs/first
    """
    from trainers.recipe import load_recipe

    recipe = load_recipe(*recipe_and_overrides(arguments or [], config))
    out = out or str(Path("runs") / recipe.name)
    from trainers import fit

    result = fit.train(
        recipe, out, address=address, resume=resume, overwrite=overwrite, log=typer.echo
    )
    best = result.best
    typer.echo(
        f"best epoch {best['epoch']} of {len(result.history)}: "
        f"val MAE {best['val_mae']:.2f}, CS@5 {best['val_cs5']:.1%}"
    )
    typer.echo(f"serve it: faceage serve --age {out}/best")


def recipe_and_overrides(arguments: list[str], config: str | None) -> tuple[str, list[str]]:
    """The recipe's name or path, and the "key=value" overrides.

    Args:
        arguments: the positional ones; without `config` the first is the recipe.
        config: the value of --config.

    Raises:
        InvalidArgument: no recipe is given.
    """
    if config is not None:
        return config, arguments
    if not arguments:
        raise InvalidArgument(
            "a recipe is required: its name or the path of a .yaml file", field="recipe"
        )
    return arguments[0], arguments[1:]


def main() -> None:
    """Run `python -m trainers.train`."""
    run_command(train)


if __name__ == "__main__":
    main()
