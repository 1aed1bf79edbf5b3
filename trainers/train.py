"""`faceage train`: a recipe and a prepared data set become a checkpoint that serves."""

from pathlib import Path
from typing import Annotated

import typer

from trainers.console import Address, run_alone


def train(
    config: Annotated[
        str,
        typer.Argument(help="A recipe's name, or the path of a .yaml file.", show_default=False),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="Changes to the recipe, such as optimizer.lr=0.001.",
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
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that is in --out.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the run that is in --out.")
    ] = False,
    address: Address = None,
) -> None:
    """Train an age model.

    What the recipes hold and which keys there are is described in docs/training.md. A checkpoint is
    written after every epoch; a run that was stopped goes on with --resume to the same weights.

    Example: faceage train utkface_cpu data.sources=prepared/utkface --out runs/first
    """
    from trainers.recipe import load_recipe

    recipe = load_recipe(config, overrides or [])
    out = out or str(Path("runs") / recipe.name)
    from trainers import fit as training

    trained = training.train(
        recipe, out, address=address, resume=resume, overwrite=overwrite, say=typer.echo
    )
    best = trained.best
    typer.echo(
        f"best epoch {best['epoch']} of {len(trained.history)}: "
        f"val MAE {best['val_mae']:.2f}, CS@5 {best['val_cs5']:.1%}"
    )
    typer.echo(f"serve it: faceage serve --age {out}/best")


def main() -> None:
    """`python -m trainers.train`."""
    import sys

    # The recipe may be given as --config, as trainers are usually called.
    given = [argument.removeprefix("--config=") for argument in sys.argv]
    sys.argv = [argument for argument in given if argument != "--config"]
    run_alone(train)


if __name__ == "__main__":
    main()
